"""What flows: frozen records and wire contracts.

Every message, record and key that a user or another process sees is defined here, once, as a
frozen msgspec struct or as a plain table. ``docs/contract.md`` is the same in words,
``schemas/json/`` and ``schemas/asyncapi.yaml`` are generated from this package.

This package imports nothing of ours but itself, does no I/O and asks no clock.

Modules
-------
errors      reasons for which input is rejected, and the value that says so
names       the types and the text forms of names, ids and classes
timestamps  event time on the wire
events      prediction, label and measurement events
decoding    bytes to an event, or to the reason why not
rejected    what ``ml.rejected`` carries
metrics     window reports
metric_names  the registry of every figure
alerts      alert events, their fingerprints and ids
durations   durations and window names
windows     windows as configured, and what that means
conditions  the conditions of rules
rules       rules and silences
features    the configuration of features
models      the configuration of models
config      files of models and rules
shapes      the first unknown key of a table
activations  which plan and baseline count an event
records     keys and values on ``ml.config``
baselines   the immutable reference
topics      Kafka topics and their settings
keys        Redis keys
canonical   the one byte form that is hashed
generate    writes ``json/`` and ``asyncapi.yaml`` (json_schemas, asyncapi, yaml_text)
"""
