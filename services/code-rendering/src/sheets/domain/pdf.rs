//! Sheets as one PDF, a page each, in points. All pages share one font, of which the PDF has the glyphs that it uses.

use std::sync::LazyLock;

use krilla::Document;
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Rect, Transform};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::MetadataProvider as _;
use skrifa::instance::{LocationRef, Size};

use super::{INSTRUCTIONS, KIND, Sheet, TITLE_EN, TITLE_ZH};
use crate::render::domain::{DrawError, Symbol};

/// Has the characters of `data/make.py`.
static FONT: &[u8] = include_bytes!("../../../data/NotoSansCJKsc-GeneralStandard.otf");
/// Reading the tables of the font takes milliseconds. `None` for a file that is damaged, which a test excludes.
static READ: LazyLock<Option<Font>> = LazyLock::new(|| Font::new(FONT.into(), 0));

/// Points of a millimetre.
const MM: f32 = 72.0 / 25.4;
const BLACK: (u8, u8, u8) = (0, 0, 0);

/// The size of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paper {
    A4,
    /// ISO/IEC 7810 ID-1.
    Card,
}

impl Paper {
    /// Width and height in millimetres.
    const fn size(self) -> (f32, f32) {
        match self {
            Self::A4 => (210.0, 297.0),
            Self::Card => (85.6, 54.0),
        }
    }
}

/// Draws sheets, each on a page of its own. The same sheets have the same bytes.
pub fn draw(sheets: &[Sheet], paper: Paper) -> Result<Vec<u8>, DrawError> {
    let font = READ
        .clone()
        .ok_or_else(|| DrawError::new("the font cannot be read"))?;
    let letters = Letters::new(font)?;
    let mut document = Document::new();
    document.set_metadata(
        Metadata::new()
            .title(TITLE_ZH.to_owned())
            .language("zh-CN".to_owned()),
    );
    let (width, height) = paper.size();
    for sheet in sheets {
        let symbol = Symbol::of(&sheet.token)?;
        let size = PageSettings::from_wh(width * MM, height * MM);
        let size = size.ok_or_else(|| DrawError::new("a page has no size"))?;
        let mut page = document.start_page_with(size);
        let mut surface = page.surface();
        let mut canvas = Canvas {
            surface: &mut surface,
            letters: &letters,
        };
        match paper {
            Paper::A4 => canvas.a4(sheet, &symbol),
            Paper::Card => canvas.card(sheet, &symbol),
        }
        surface.finish();
        page.finish();
    }
    document
        .finish()
        .map_err(|error| DrawError::new(format!("{error:?}")))
}

/// The font with its characters and their widths.
struct Letters {
    font: Font,
    characters: skrifa::charmap::Charmap<'static>,
    widths: skrifa::metrics::GlyphMetrics<'static>,
    units_per_em: f32,
}

impl Letters {
    fn new(font: Font) -> Result<Self, DrawError> {
        let read = skrifa::FontRef::new(FONT).map_err(DrawError::new)?;
        Ok(Self {
            characters: read.charmap(),
            widths: read.glyph_metrics(Size::unscaled(), LocationRef::default()),
            units_per_em: font.units_per_em(),
            font,
        })
    }

    fn has(&self, character: char) -> bool {
        self.characters.map(character).is_some()
    }

    /// A mask as it is printed. A character that the font does not have is written by hand: a line to write on, and its number, so that
    /// nobody prints an empty box in place of a name.
    fn printable(&self, mask: &str) -> String {
        let printed = mask.chars().map(|character| {
            if self.has(character) {
                character.to_string()
            } else {
                format!("____ (U+{:04X})", u32::from(character))
            }
        });
        printed.collect()
    }

    /// The glyphs of a text and its width, for a size of 1.
    fn shaped(&self, text: &str) -> (Vec<KrillaGlyph>, f32) {
        let mut glyphs = Vec::with_capacity(text.len());
        let mut width = 0.0;
        for (start, character) in text.char_indices() {
            let id = self.characters.map(character).unwrap_or_default();
            let advance = self.widths.advance_width(id).unwrap_or_default() / self.units_per_em;
            let range = start..start + character.len_utf8();
            let id = GlyphId::new(id.to_u32());
            glyphs.push(KrillaGlyph::new(id, advance, 0.0, 0.0, 0.0, range, None));
            width += advance;
        }
        (glyphs, width)
    }
}

/// A page that is drawn on, in millimetres from the upper left.
struct Canvas<'a, 'page> {
    surface: &'a mut Surface<'page>,
    letters: &'a Letters,
}

impl Canvas<'_, '_> {
    fn a4(&mut self, sheet: &Sheet, symbol: &Symbol) {
        let (middle, fill) = (105.0, sheet.rgb());
        self.centred((middle, 26.0), 13.0, BLACK, TITLE_ZH);
        self.centred((middle, 35.0), 6.0, BLACK, TITLE_EN);
        self.centred((middle, 44.0), 6.5, BLACK, KIND);
        self.symbol((55.0, 48.0), 100.0, symbol);
        let mask = self.letters.printable(&sheet.mask);
        self.centred((middle, 166.0), 14.0, BLACK, &mask);
        self.shape((97.0, 170.0), 16.0, sheet);
        self.centred((middle, 205.0), 20.0, fill, &sheet.colour_zh());
        self.centred((middle, 215.0), 8.0, fill, sheet.colour_en());
        self.centred((middle, 228.0), 9.0, BLACK, &sheet.validity_zh());
        self.centred((middle, 236.0), 6.0, BLACK, &sheet.validity_en());
        for (line, words) in (0_u8..).zip(INSTRUCTIONS) {
            self.centred((middle, 248.0 + 7.0 * f32::from(line)), 5.0, BLACK, words);
        }
    }

    /// The code left, the words right. The instructions are on the sheet of A4.
    fn card(&mut self, sheet: &Sheet, symbol: &Symbol) {
        let (middle, fill) = (67.5, sheet.rgb());
        self.symbol((1.0, 3.0), 48.0, symbol);
        self.centred((middle, 8.0), 3.6, BLACK, TITLE_ZH);
        self.centred((middle, 12.5), 2.4, BLACK, KIND);
        let mask = self.letters.printable(&sheet.mask);
        self.centred((middle, 19.5), 5.0, BLACK, &mask);
        self.shape((62.5, 22.0), 10.0, sheet);
        self.centred((middle, 38.5), 4.6, fill, &sheet.colour_zh());
        self.centred((middle, 42.0), 2.6, fill, sheet.colour_en());
        self.centred((middle, 47.0), 2.5, BLACK, &sheet.validity_zh());
        self.centred((middle, 50.5), 2.3, BLACK, &sheet.validity_en());
    }

    /// Text around `x` on the line `y`, as large as `size` millimetres.
    fn centred(&mut self, (x, y): (f32, f32), size: f32, rgb: (u8, u8, u8), text: &str) {
        let (glyphs, width) = self.letters.shaped(text);
        let start = Point::from_xy((x - width * size / 2.0) * MM, y * MM);
        self.fill_with(rgb);
        let font = self.letters.font.clone();
        self.surface
            .draw_glyphs(start, &glyphs, font, text, size * MM, false);
    }

    fn fill_with(&mut self, (r, g, b): (u8, u8, u8)) {
        self.surface.set_fill(Some(Fill {
            paint: rgb::Color::new(r, g, b).into(),
            ..Fill::default()
        }));
    }

    fn paint(&mut self, rgb: (u8, u8, u8), path: Option<Path>) {
        self.fill_with(rgb);
        if let Some(path) = path {
            self.surface.draw_path(&path);
        }
    }

    /// The QR code with its quiet zone, as one path whose unit is a module: whole numbers take a third of the bytes of others.
    #[allow(clippy::cast_precision_loss)] // at most 185 modules
    fn symbol(&mut self, (left, top): (f32, f32), side: f32, symbol: &Symbol) {
        let module = side / symbol.width() as f32 * MM;
        let mut path = PathBuilder::new();
        for (x, y, run) in symbol.runs() {
            if let Some(dark) = Rect::from_xywh(x as f32, y as f32, run as f32, 1.0) {
                path.push_rect(dark);
            }
        }
        let placed = Transform::from_row(module, 0.0, 0.0, module, left * MM, top * MM);
        self.surface.push_transform(&placed);
        self.paint(BLACK, path.finish());
        self.surface.pop();
    }

    /// The shape of the colour.
    fn shape(&mut self, (left, top): (f32, f32), side: f32, sheet: &Sheet) {
        let at = |x: f32, y: f32| ((left + x * side) * MM, (top + y * side) * MM);
        let mut path = PathBuilder::new();
        match sheet.corners() {
            [] => circle(&mut path, at(0.5, 0.5), side * MM / 2.0),
            [first, others @ ..] => {
                let (x, y) = at(first.0, first.1);
                path.move_to(x, y);
                for corner in others {
                    let (x, y) = at(corner.0, corner.1);
                    path.line_to(x, y);
                }
                path.close();
            }
        }
        self.paint(sheet.rgb(), path.finish());
    }
}

/// Four cubic curves, which differ from the circle by less than a thousandth of its radius.
fn circle(path: &mut PathBuilder, (x, y): (f32, f32), radius: f32) {
    let handle = radius * 0.552_284_8;
    path.move_to(x + radius, y);
    path.cubic_to(x + radius, y + handle, x + handle, y + radius, x, y + radius);
    path.cubic_to(x - handle, y + radius, x - radius, y + handle, x - radius, y);
    path.cubic_to(x - radius, y - handle, x - handle, y - radius, x, y - radius);
    path.cubic_to(x + handle, y - radius, x + radius, y - handle, x + radius, y);
    path.close();
}

#[cfg(test)]
mod tests;
