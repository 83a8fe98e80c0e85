"""How hard a request is, as a person would order requests, and which tier that asks for without own labels."""
