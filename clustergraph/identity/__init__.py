"""Which of tonight's clusters is which of earlier nights, and what became of them."""
