"""Where things leave: notification channels. Imports nothing of ours but `schemas`.

A channel is one class with one method, `send` (`sinks.channel`); its kind is entered in
`sinks.channels`, which makes channels from the settings.
"""
