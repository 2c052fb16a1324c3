"""The step, a file per paragraph of docs/step.md: actions, opening, inside, closing, marking, looking; and fused.

`money` holds what they share: fees, slippage, lots, and the one function through which a fill changes the account.
"""
