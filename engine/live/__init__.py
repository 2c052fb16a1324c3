"""Paper sessions: the backtest's own step fed slice by slice, journaled, restarted and verified. Begin with session.py."""
