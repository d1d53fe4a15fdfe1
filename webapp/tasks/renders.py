"""What is heard and drawn of a track: its preview under a clip, its waveform."""

from pathlib import Path
from typing import Any

from webapp.tasks import Tell
from webapp.tasks.mixing import lay


def preview(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """Write a clip with a track under it into the folder `folder`, under the name `name`.

    arguments: `clip`, `track`: paths; `settings`: see `mixing.lay`.
    """
    from recommender.editing.placing import remarks
    from recommender.editing.preview import write_preview
    from recommender.outputs.records import fit_record, placement_record

    clip = Path(arguments["clip"])
    placement, fit = lay(clip, Path(arguments["track"]), arguments["settings"], tell=tell)
    whole = max(1, round(placement.clip_s))
    path = Path(arguments["folder"]) / f"{arguments['name']}{web_suffix(clip)}"
    told = write_preview(
        placement,
        path,
        overwrite=True,
        on_second=lambda at_s: tell.stage("rendering the preview, seconds", min(whole, max(0, int(at_s))), whole),
    )
    return {
        "file": path.name,
        "placement": placement_record(placement),
        "fit": None if fit is None else fit_record(fit),
        "remarks": [*told, *remarks(placement)],
    }


def web_suffix(clip: Path) -> str:
    """Of a film that browsers play and that holds a clip's pictures as they are, where there is one."""
    from recommender.editing.preview import preview_suffix
    from recommender.media.remux import pictures_of

    fitting = pictures_of(clip).suffixes
    return next((suffix for suffix in (".mp4", ".webm") if suffix in fitting), preview_suffix(clip))


def peaks(arguments: dict[str, Any], tell: Tell) -> dict[str, Any]:
    """The waveform of `track`, a path: the largest sample of each of `count` columns, 0 to 1."""
    import numpy as np

    from recommender.media.stereo import RATE_HZ, track_sound

    fine, hop = [], RATE_HZ // 50
    length = 0
    for block in track_sound(Path(arguments["track"]), 0, _LONGEST_S * RATE_HZ):
        y = np.abs(block).max(axis=0)
        length += len(y)
        fine.append(np.maximum.reduceat(y, np.arange(0, len(y), hop)))
    all_of_it = np.concatenate(fine) if fine else np.zeros(1)
    count = min(arguments["count"], len(all_of_it))
    columns = np.maximum.reduceat(all_of_it, np.linspace(0, len(all_of_it), count, endpoint=False).astype(int))
    return {"duration_s": round(length / RATE_HZ, 3), "peaks": np.round(np.minimum(columns, 1.0), 3).tolist()}


_LONGEST_S = 6 * 3600
