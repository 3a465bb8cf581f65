"""Colours that mean the same in every picture, on paper, in a notebook and on a map.

Diverging and sequential colours follow ColorBrewer's colour-blind-safe schemes; categories take
Okabe and Ito's colours (Okabe & Ito 2008, "Color Universal Design").
"""

from __future__ import annotations

HOT = ("#fddbc7", "#ef8a62", "#b2182b")
COLD = ("#c9cdea", "#8c96c6", "#4d4f9e")
NEUTRAL = "#e3e1dc"
UNKNOWN = "#b8b5ae"
QUIET_LINE = "#857c70"
RISK = ("#fee391", "#fec44f", "#fe9929", "#d95f0e", "#993404")
#: The same for lines, which have no outline: each stands out from land and sea on its own.
LINE_HOT = ("#d2593f", "#b8242f", "#8a0a22")
LINE_COLD = ("#6f79bd", "#4c51ab", "#2b2a8f")
CATEGORIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8c6d31")
LINE_CATEGORIES = ("#005a8c", "#d55e00", "#008f69", "#bf5f95", "#a87200", "#2d86bf", "#5e4718")
