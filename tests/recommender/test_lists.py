"""Lists of files as people keep them: what each names."""

from pathlib import Path

import pytest

from recommender.conditions import Filter
from recommender.errors import InputError
from recommender.lists import is_list, paths_in

NAMES = ["a.wav", "sub/b.wav", "c d.wav", "#1 hit.wav", "100%.wav", "Björk.wav", "Земфира.wav", "e\\f.wav"]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with files of odd names."""
    (tmp_path / "sub").mkdir()
    for name in NAMES:
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def named(music: Path, text: str | bytes, name: str = "list.txt", encoding: str = "utf-8") -> set[str]:
    """What a list in the folder names, from there."""
    data = text if isinstance(text, bytes) else text.replace("@", str(music)).encode(encoding)
    (music / name).write_bytes(data)
    return {path.removeprefix(f"{music}/") for path in paths_in(music / name) if path.startswith("/")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_path_per_line_in_any_form_of_unicode(music, encoding, end):
    text = end.join(["a.wav", "sub\\b.wav", "", "Björk.wav", ""])
    assert named(music, text, encoding=encoding) == {"a.wav", "sub/b.wav", "Björk.wav"}


@pytest.mark.parametrize(
    ("encoding", "name"), [("latin-1", "Björk.wav"), ("cp1252", "Björk.wav"), ("cp1251", "Земфира.wav")]
)
def test_lists_in_charsets_of_before(music, encoding, name):
    assert named(music, f"#EXTM3U\n#EXTINF:1,x\n{name}\nsub/b.wav\n", "list.m3u", encoding) == {name, "sub/b.wav"}


def test_bytes_of_a_name_that_is_there_are_that_name(music):
    odd = music / "K\udcf6ln.wav"
    odd.write_bytes(b"x")
    assert named(music, b"K\xf6ln.wav\n") == {"K\udcf6ln.wav"}
    odd.unlink()
    assert named(music, b"K\xf6ln.wav\n") == {"Köln.wav"}


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ('"a.wav"', "a.wav"),
        ("  'c d.wav'  ", "c d.wav"),
        ("“a.wav”", "a.wav"),
        ("./sub/../a.wav", "a.wav"),
        ("sub\\b.wav", "sub/b.wav"),
        ("e\\f.wav", "e\\f.wav"),  # a name may hold what divides names elsewhere
        ("c%20d.wav", "c d.wav"),
        ("100%.wav", "100%.wav"),
        ("new%20one.wav", "new%20one.wav"),  # nothing is there: names hold percent signs, too
        ("file://@/c%20d.wav", "c d.wav"),
        ("FILE://localhost@/c%20d.wav", "c d.wav"),
        ("file:@/a.wav", "a.wav"),
        ("file://@/Bj%C3%B6rk.wav", "Björk.wav"),
        ("@/a.wav", "a.wav"),
        ("#1 hit.wav", "#1 hit.wav"),
        ("~/x.wav", str(Path.home() / "x.wav")),
        ("gone.wav", "gone.wav"),
    ],
)
def test_a_line_as_people_write_it(music, line, path):
    assert named(music, f"{line}\n") == {path}


@pytest.mark.parametrize(
    "line", ["# a comment", "#EXTM3U", "#EXTINF:12,Björk - Jóga", "   ", "https://a.example/b.mp3"]
)
def test_what_names_no_file(music, line):
    assert named(music, f"{line}\na.wav\n") == {"a.wav"}
    assert line in paths_in(music / "list.txt") or not line.strip()  # it may be the id of an imported track


PLAYLISTS = {
    "m3u8": "#EXTM3U\n#EXTINF:3,A - B\na.wav\n#EXTINF:3,C\nfile://@/c%20d.wav\n",
    "pls": "[playlist]\nFile1=a.wav\nTitle1=A\nLength1=3\nFile2=file://@/c%20d.wav\nNumberOfEntries=2\nVersion=2\n",
    "xspf": '<?xml version="1.0" encoding="UTF-8"?>\n<playlist version="1" xmlns="http://xspf.org/ns/0/"><title>x</title>'
    "<trackList><track><location>file://@/c%20d.wav</location><title>a</title></track>"
    "<track><location>a.wav</location></track></trackList></playlist>",
    "wpl": '<?wpl version="1.0"?>\n<smil><body><seq><media src="c d.wav"/><media src=".\\a.wav"/></seq></body></smil>',
    "asx": '<ASX version="3"><Entry><Ref href="a.wav"/></Entry><Entry><REF HREF="c%20d.wav"/></Entry></ASX>',
    "cue": 'PERFORMER "x"\nFILE "c d.wav" WAVE\n  TRACK 01 AUDIO\nFILE a.wav WAVE\n  TRACK 02 AUDIO\n',
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists(music, kind, encoding):
    assert named(music, PLAYLISTS[kind], f"list.{kind}", encoding) == {"a.wav", "c d.wav"}


def test_playlists_that_break_or_declare_too_much_are_refused(music):
    for text, told in (
        ("<playlist><trackList>", "no playlist"),
        ('<?xml?><!DOCTYPE p [<!ENTITY a "b">]><p/>', "entities"),
    ):
        (music / "p.xspf").write_text(text)
        with pytest.raises(InputError, match=rf"p\.xspf: .*{told}"):
            paths_in(music / "p.xspf")


def test_a_list_may_be_given_where_files_are_left_out(music):
    (music / "mine.m3u").write_text("a.wav\n")
    (music / "note.mp3").write_text("a.wav\n")
    found = Filter.of(exclude=[music / "mine.m3u", music / "note.mp3"], only=str(music / "mine.m3u"))
    assert {str(music / "a.wav"), str(music / "note.mp3")} <= found.exclude
    assert str(music / "mine.m3u") not in found.exclude
    assert str(music / "a.wav") in (found.only or ())
    assert is_list(str(music / "mine.m3u"))
    assert not is_list(str(music / "none.m3u"))
