"""Writes OME-Zarrs with the ome-zarr and zarr packages, as other programs do: make_stores.py FOLDER [WELLS FIELDS]."""

import sys
import warnings
from pathlib import Path

import numpy as np
import zarr
from ome_zarr.format import FormatV04, FormatV05
from ome_zarr.writer import write_image, write_labels, write_plate_metadata, write_well_metadata

warnings.filterwarnings("ignore")
folder = Path(sys.argv[1])
formats = {"v2": FormatV04(), "v3": FormatV05()}
omero = {
    "channels": [
        {
            "label": "DAPI",
            "color": "0000FF",
            "active": True,
            "window": {"min": 0, "max": 65535, "start": 10, "end": 1500},
            "family": "linear",
            "coefficient": 1,
            "inverted": False,
        },
        {
            "label": "actin",
            "color": "00FF00",
            "active": False,
            "window": {"min": 0, "max": 4095, "start": 0, "end": 900.5},
            "inverted": True,
        },
    ],
    "rdefs": {"defaultT": 0, "defaultZ": 1, "model": "color"},
}
units = {"z": "micrometer", "y": "micrometer", "x": "nanometer"}


def group(path, fmt):
    return zarr.open_group(str(path), mode="a", zarr_format=fmt.zarr_format)


def pixels(shape, dtype="uint16"):
    return np.arange(np.prod(shape), dtype=dtype).reshape(shape)


def image(root, fmt):
    write_image(
        pixels((2, 3, 32, 64)),
        root,
        scale_factors=(2,),
        fmt=fmt,
        axes="czyx",
        scale={"z": 2.0, "y": 0.25, "x": 125.0},
        axes_units=units,
        metadata={"omero": omero} if fmt.zarr_format == 3 else {},
    )
    if fmt.zarr_format == 2:
        root.attrs["omero"] = omero
    else:
        root.attrs["ome"] = {**root.attrs["ome"], "omero": omero}


def plain(root, fmt, shape=(16, 16)):
    write_image(pixels(shape, "uint8"), root, scale_factors=(), fmt=fmt, axes="yx" if len(shape) == 2 else "cyx")


def series(root, fmt, names=None):
    attributes = {"bioformats2raw.layout": 3}
    if fmt.zarr_format == 2:
        root.attrs.update(attributes)
    else:
        root.attrs["ome"] = {"version": "0.5", **attributes}
    for name in names or ["0", "1"]:
        plain(root.require_group(name), fmt)
    if names:
        listing = root.require_group("OME")
        listing.attrs.update({"series": names} if fmt.zarr_format == 2 else {"ome": {"version": "0.5", "series": names}})


def plate(root, fmt, rows, columns, fields, acquisitions, template=None):
    wells = [f"{row}/{column}" for row in rows for column in columns]
    write_plate_metadata(root, rows, columns, wells, fmt=fmt, acquisitions=acquisitions, field_count=fields, name="P")
    for well in wells:
        place = root.require_group(well)
        images = []
        for field in range(fields):
            entry = {"path": str(field)}
            if acquisitions:
                entry["acquisition"] = acquisitions[field % len(acquisitions)]["id"]
            images.append(entry)
            plain(place.require_group(str(field)), fmt, (3, 8, 8))
        write_well_metadata(place, images, fmt=fmt)


if len(sys.argv) > 2:
    sizes = {"6": ("AB", 3), "96": ("ABCDEFGH", 12), "384": ("ABCDEFGHIJKLMNOP", 24)}
    rows, columns = sizes[sys.argv[2]]
    names = [str(c + 1) for c in range(columns)]
    plate(group(folder, formats[sys.argv[4]]), formats[sys.argv[4]], list(rows), names, int(sys.argv[3]), None)
    sys.exit()

for name, fmt in formats.items():
    root = group(folder / f"genome_{name}.ome.zarr", fmt)
    image(root, fmt)
    write_labels(pixels((3, 32, 64), "uint32"), root, "nuclei", fmt=fmt, axes="zyx", scale_factors=())
    series(group(folder / f"series_{name}.zarr", fmt), fmt)
    series(group(folder / f"listed_{name}.zarr", fmt), fmt, ["first", "second"])
    runs = [{"id": 1, "name": "before", "maximumfieldcount": 1}, {"id": 2, "name": "after", "starttime": 1343731272000}]
    plate(group(folder / f"plate_{name}.zarr", fmt), fmt, ["A", "B"], ["1", "2", "3"], 2, runs)
print(zarr.__version__)
