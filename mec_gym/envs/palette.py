"""The colours of renderings: Okabe and Ito's, told apart by colour-blind readers too."""

ASSIGNED, NEXT, WAITING, OVERLOAD = "#0072B2", "#E69F00", "#C4C4C4", "#D55E00"

SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Of lines side by side, which differ in dashes as well."""
