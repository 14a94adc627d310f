"""Where things leave: notification channels. Imports nothing of ours but `schemas`.

A channel is one class with one method, `send` (`sinks.channel`), in a module of its type's name.
What can be set for a type is in `sinks.settings`; `sinks.channels` makes channels from it. Shared
are `sinks.endpoint` (HTTP), `sinks.wording` (text for people) and `sinks.deadline`.
"""
