"""Evidence bundles: what a ledger holds of one finding, in one file that is verified without the ledger."""
