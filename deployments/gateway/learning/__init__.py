"""What a gateway does after an answer: feedback, shadow traffic, and changes of the quality model."""
