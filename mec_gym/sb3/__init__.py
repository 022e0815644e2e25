"""DQN-RAO on Stable-Baselines3."""
