"""Says of a video that it is AI-generated, in the standards' own words.

The kind of source is a term of IPTC's NewsCodes vocabulary "Digital Source Type", in
the property Iptc4xmpExt:DigitalSourceType (IPTC Photo Metadata Standard) of an XMP
packet (ISO 16684-1); in an MP4 file XMP lies in a `uuid` box of its own (Adobe's XMP
Specification, part 3).
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID
from xml.sax.saxutils import escape

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
XMP_BOX = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac")
GENERATOR = "Likeness"
STATEMENT = "AI-generated video: the portrait's speech and motion are synthetic."

# composite...: made from a real photo; trained...: nothing of it was photographed.
SourceType = Literal["compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia"]

_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
 xmp:CreatorTool="{generator}"
 Iptc4xmpExt:DigitalSourceType="{source}">
<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{statement}</rdf:li></rdf:Alt>
</dc:description>
</rdf:Description></rdf:RDF></x:xmpmeta>
<?xpacket end="r"?>"""


@dataclass(frozen=True)
class Disclosure:
    """synthetic: the portrait shows nobody who exists."""

    synthetic: bool = False

    @property
    def source_type(self) -> SourceType:
        if self.synthetic:
            return "trainedAlgorithmicMedia"
        return "compositeWithTrainedAlgorithmicMedia"

    @property
    def source_uri(self) -> str:
        return VOCABULARY + self.source_type

    def tags(self) -> dict[str, str]:
        """For containers that keep names and values."""
        return {
            "comment": f"{STATEMENT} {self.source_uri}",
            "digital_source_type": self.source_uri,
        }

    def xmp(self) -> str:
        """An XMP packet."""
        return _XMP.format(
            generator=escape(GENERATOR),
            source=escape(self.source_uri),
            statement=escape(STATEMENT),
        )

    def append_to_mp4(self, path: Path) -> None:
        """Add the XMP packet, as a box after all others, which moves none of them.

        Raises:
            OSError: the file cannot be written.
        """
        packet = self.xmp().encode()
        size = struct.pack(">I4s", 24 + len(packet), b"uuid")
        with path.open("ab") as file:
            file.write(size + XMP_BOX.bytes + packet)


OF_A_PHOTO = Disclosure()
