"""Makes NotoSansCJKsc-GeneralStandard.otf: the glyphs that a sheet of paper needs. Run once; its result is committed.

The characters are the Table of General Standard Chinese Characters (通用规范汉字表, 8,105: those with which a birth may be registered
since 2013), all of GB 2312, ASCII, the Latin, Greek and Cyrillic letters that the font has, and the punctuation of the sheet.

    pip install fonttools==4.60.1
    python make.py NotoSansCJK-Regular.ttc Unihan_OtherMappings.txt

NotoSansCJK-Regular.ttc: Debian fonts-noto-cjk 1:20220127+repack1-1, SHA-256
b76b0433203017ca80401b2ee0dd69350349871c4b19d504c34dbdd80541690a. Unihan_OtherMappings.txt: Unicode 15.0.
"""

import re
import sys

from fontTools import subset
from fontTools.ttLib import TTCollection

PUNCTUATION = "·’（）：；、。，！？“”《》—…"
ROWS_OF_HAN = range(0xB0, 0xF8)


def wanted(mappings, available):
    chars = set(range(0x20, 0x7F)) | set(map(ord, PUNCTUATION))
    with open(mappings, encoding="utf-8") as lines:
        for line in lines:
            if found := re.match(r"U\+([0-9A-F]+)\tkTGH\t", line):
                chars.add(int(found[1], 16))
    for row in ROWS_OF_HAN:
        for cell in range(0xA1, 0xFF):
            try:
                chars.add(ord(bytes([row, cell]).decode("gb2312")))
            except UnicodeDecodeError:
                pass
    missing = chars - available
    assert not missing, missing
    letters = [range(0xA1, 0x250), range(0x370, 0x530), range(0x1E00, 0x1F00)]
    return chars | {c for block in letters for c in block if c in available and chr(c).isalpha()}


collection, mappings = sys.argv[1:]
fonts = TTCollection(collection).fonts
font = next(f for f in fonts if f["name"].getDebugName(4) == "Noto Sans CJK SC")
options = subset.Options()
options.layout_features = []
options.hinting = False
options.glyph_names = False
options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
options.drop_tables += ["GSUB", "GPOS", "GDEF", "BASE", "vhea", "vmtx", "VORG"]
subsetter = subset.Subsetter(options)
subsetter.populate(unicodes=wanted(mappings, set(font.getBestCmap())))
subsetter.subset(font)
font.save("NotoSansCJKsc-GeneralStandard.otf")
