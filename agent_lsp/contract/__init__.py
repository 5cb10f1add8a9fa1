"""The public contract on the wire, as typed values that belong to no door.

`names` has methods and kinds, `methods` the table of all of them with params, answer and errors. `codec` makes JSON of
a value and a value of JSON. `from_events`, `from_entries` and `from_actions` make these values of a conversation's.
`scripts/generate` makes from this folder what clients use and `docs/protocol.md`.
"""
