"""The inputs of a report: what a path is (`places`), and how each kind is read."""
