"""Twenty ordinary questions, such as a newcomer types first."""

_STORY = (
    "On Monday the ferry to the island did not run because of a storm. The baker had no flour, so the islanders baked "
    "potato bread from an old recipe. When the ferry came back on Thursday, the baker kept the recipe on the menu."
)

QUESTIONS = (
    "Hello! Who are you?",
    "Who wrote Hamlet?",
    "What is the capital of Italy?",
    "What is 7 + 5?",
    "A book costs 12 dollars and a pen costs 3 dollars. How much do 2 books and 3 pens cost?",
    "Why is the sky blue? Explain it in two sentences.",
    "Write a haiku about rain.",
    f"Summarise this in one sentence: {_STORY}",
    "Translate into French: Good morning, how are you?",
    "Give me three names for a black cat.",
    "Which planet is the largest in the solar system?",
    "How many days has a leap year?",
    "What is the opposite of generous?",
    "Correct the grammar: She don't like no apples.",
    "Write a Python function that reverses a string.",
    "How do I boil an egg?",
    "Is a whale a fish?",
    "Write a polite email that asks for a day off.",
    "List the three primary colours.",
    "Is this review positive or negative? 'The food was cold and the waiter ignored us.'",
)
