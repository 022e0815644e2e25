"""The colours of renderings: Okabe and Ito's, told apart by colour-blind readers too."""

ASSIGNED, NEXT, WAITING, OVERLOAD = "#0072B2", "#E69F00", "#C4C4C4", "#D55E00"
