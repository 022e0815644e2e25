"""The agent: DQN with its networks, replay buffer and adapters of the environment."""
