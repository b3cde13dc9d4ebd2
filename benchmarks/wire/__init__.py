"""The parts of ``live.py`` and ``soak.py``: two namespaces and what joins them, a sender, and who watches."""
