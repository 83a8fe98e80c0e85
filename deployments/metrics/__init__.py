"""Names, labels and descriptions of every exported metric."""
