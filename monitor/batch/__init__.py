"""A replay in parts, by several workers: what comes out is what one would have written.

`planning` says what is read together, `tasks` is what workers do, `store` keeps what they found, and
`workers` are those. `run` holds it all together.
"""
