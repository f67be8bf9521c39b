"""Real peers for end-to-end tests: the agent, the simulated rack, mosquitto, Prometheus, a subscriber.

Everything is a process of its own on a free port of the loopback address, with its log in the test's folder.
"""
