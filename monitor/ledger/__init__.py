"""The ledger: an append-only record of what was seen, decided and done, which can be verified offline."""
