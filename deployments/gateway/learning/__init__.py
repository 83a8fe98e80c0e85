"""What a gateway does after an answer: feedback, shadow traffic, and a new quality model."""
