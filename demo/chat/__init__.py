"""Real language models for a laptop: where they come from, how they are converted, and what they answer."""
