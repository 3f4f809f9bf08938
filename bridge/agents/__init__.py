"""Who answers: the Agent, how one is found by its name or file, and the agents that come with the house."""
