"""What the lessons show that was measured: recorded here by this program's own steps, kept in ``assets/lessons/data``."""
