"""Business-intelligence tools beside the pipeline: what they show is code, too."""
