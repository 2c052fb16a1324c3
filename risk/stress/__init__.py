"""How a strategy fares where markets are not average: named stretches of history, states of the past, shocks to today's book."""
