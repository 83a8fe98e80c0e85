"""How much may be spent: the controller of lambda and its samples."""
