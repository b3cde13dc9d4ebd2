"""What is told to others: our own events, and the same in other formats. Pure."""
