"""The budget: the controller of lambda and its samples."""
