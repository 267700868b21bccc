//! How a camera was held, which a JPEG says in its EXIF: applied to the pixels, as the EXIF is not kept.

/// The tag of the orientation in the first directory of TIFF.
const ORIENTATION: u16 = 0x0112;

/// One of the eight of EXIF: whether rows and columns change places, and which then run backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orientation {
    swaps: bool,
    flips_x: bool,
    flips_y: bool,
}

impl Orientation {
    pub const UPRIGHT: Self = Self::new(false, false, false);

    const fn new(swaps: bool, flips_x: bool, flips_y: bool) -> Self {
        Self {
            swaps,
            flips_x,
            flips_y,
        }
    }
}

/// Upright where the EXIF cannot be read, or says nothing of it.
pub fn of_exif(exif: &[u8]) -> Orientation {
    match value(exif) {
        Some(2) => Orientation::new(false, true, false),
        Some(3) => Orientation::new(false, true, true),
        Some(4) => Orientation::new(false, false, true),
        Some(5) => Orientation::new(true, false, false),
        Some(6) => Orientation::new(true, true, false),
        Some(7) => Orientation::new(true, true, true),
        Some(8) => Orientation::new(true, false, true),
        _ => Orientation::UPRIGHT,
    }
}

fn value(exif: &[u8]) -> Option<u16> {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    let is_little = match tiff.get(..2)? {
        b"II" => true,
        b"MM" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little {
            u16::from_le_bytes(bytes)
        } else {
            u16::from_be_bytes(bytes)
        })
    };
    let bytes = tiff.get(4..8)?.try_into().ok()?;
    let first = if is_little {
        u32::from_le_bytes(bytes)
    } else {
        u32::from_be_bytes(bytes)
    };
    let first = usize::try_from(first).ok()?;
    let entries = usize::from(short(first)?);
    let entry = |n: usize| first.checked_add(2 + n * 12);
    let found = (0..entries)
        .filter_map(entry)
        .find(|at| short(*at) == Some(ORIENTATION))?;
    short(found.checked_add(8)?)
}

/// The pixels upright, with their width and height.
pub fn apply(
    orientation: Orientation,
    pixels: Vec<u8>,
    (width, height): (usize, usize),
    channels: usize,
) -> (Vec<u8>, usize, usize) {
    if orientation == Orientation::UPRIGHT {
        return (pixels, width, height);
    }
    let (to_width, to_height) = if orientation.swaps {
        (height, width)
    } else {
        (width, height)
    };
    let mut out = Vec::with_capacity(pixels.len());
    for y in 0..to_height {
        for x in 0..to_width {
            let column = if orientation.flips_x { to_width - 1 - x } else { x };
            let row = if orientation.flips_y { to_height - 1 - y } else { y };
            let (column, row) = if orientation.swaps {
                (row, column)
            } else {
                (column, row)
            };
            let at = (row * width + column) * channels;
            out.extend_from_slice(&pixels[at..at + channels]);
        }
    }
    (out, to_width, to_height)
}
