"""Requests as strangers send them, by the tier that a person would choose."""

from __future__ import annotations

HARD = (
    "Implement a thread-safe LRU cache with TTL in C++",
    "Compare Paxos and Raft under asymmetric partitions",
    "Prove Fermat's last theorem",
    "Design a multi-region active-active Postgres migration",
    "Find the race condition in our billing service",
    "Prove that the square root of 2 is irrational",
)
EASY = (
    "What is 7 + 5?",
    "What is the capital of France?",
    "hi",
    "Translate 'good morning' to French",
    "thanks!",
    "What day comes after Monday?",
)
LANGUAGES = (
    ("भारत की राजधानी क्या है?", "सिद्ध कीजिए कि अभाज्य संख्याएँ अनंत हैं"),
    ("Türkiye'nin başkenti neresi?", "Asal sayıların sonsuz olduğunu ispatla"),
    ("Jaka jest stolica Polski?", "Udowodnij, że liczb pierwszych jest nieskończenie wiele"),
)
COMPILER = (
    "You are a compiler engineer. For each snippet derive the SSA form, prove that the transformation is sound, and "
    "find the minimal set of phi functions."
)
TREE = (
    "Problem: Given a weighted tree with n nodes and m queries, each query asks for the number of paths of length at "
    "most k through a node, with updates of edge weights between queries."
)
MINUTES = "The committee met on Tuesday and agreed to move the archive, because the cellar is damp in spring. "
