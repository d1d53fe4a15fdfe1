"""What names tell of files and folders: what may be media, what is hidden, what is no folder of a user's."""

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # names cost nothing: who shows folders need not load NumPy
    from recommender.types import Modality

_MUSIC = (
    ".mp3 .mp2 .mp1 .mpa .flac .wav .wave .rf64 .w64 .ogg .oga .ogx .opus .spx .m4a .m4b .m4r .mp4a .f4a .3ga .aac "
    ".adts .loas .latm .wma .aif .aiff .aifc .afc .ape .wv .mka .mpc .mpp .mp+ .ac3 .eac3 .ec3 .dts .dtshd .mlp .thd "
    ".truehd .tak .tta .caf .au .snd .amr .awb .weba .alac .voc .oma .aa3 .omg .dsf .dff .ra"
)
_CLIPS = (
    ".mp4 .m4v .mov .qt .mkv .webm .avi .divx .wmv .asf .flv .f4v .mpg .mpeg .mpe .m2v .m2p .ts .mts .m2ts .3gp .3g2 "
    ".ogv .mxf .vob .dv .rm .rmvb .nut .ivf .gif .apng .jpg .jpeg .jpe .jfif .png .webp .avif .heic .heif .jxl .jp2 "
    ".bmp .tif .tiff"
)
SUFFIXES: "dict[Modality, frozenset[str]]" = {"music": frozenset(_MUSIC.split()), "video": frozenset(_CLIPS.split())}
"""What is looked for in folders: what FFmpeg opens as bundled."""
IGNORE = ".recommendignore"
"""The name of a file that says what of its folder is left out."""
# What systems, file stores and synchronisers keep beside people's files: deleted ones, copies, thumbnails.
_BINS = {
    *("$recycle.bin", "recycler", "recycled", "system volume information", "__macosx"),
    *(".trash", ".trashes", ".spotlight-v100", ".fseventsd", ".documentrevisions-v100", ".temporaryitems"),
    *("#recycle", "@recycle", "@eadir", "#snapshot", ".snapshot", ".snapshots", "~snapshot", ".zfs", "@tmp"),
    *("@__thumb", ".@__thumb", ".thumbnails", ".thumbs", "lost+found", ".appledouble", "network trash folder"),
    *("temporary items", ".stversions", ".stfolder", ".dropbox.cache"),
}
_TRASH = re.compile(r"\.trash-\d+|found\.\d{3}")


def suffix_of(name: str) -> str:
    """The suffix of a name with its dot, in small letters, empty without one."""
    return os.path.splitext(name)[1].lower()  # noqa: PTH122


def is_hidden(name: str) -> bool:
    """Whether a name hides a file: one dot in front; "..Hits" and "...And Justice" are names like any other."""
    return name.startswith(".") and not name.startswith("..")


def is_bin(name: str) -> bool:
    """Whether a folder of that name is a recycle bin, or kept by a system, a file store or a synchroniser."""
    folded = name.casefold()
    return folded in _BINS or _TRASH.fullmatch(folded) is not None
