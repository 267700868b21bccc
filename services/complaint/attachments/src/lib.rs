#![doc = include_str!("../README.md")]

mod jpeg;
mod orientation;
mod pdf;
mod pdf_bounds;
mod png;

/// Bytes of a file, before and after.
pub const MAX_FILE: usize = 5 * 1024 * 1024;
/// Pixels of the longer side of a picture.
const MAX_SIDE: usize = 12_000;
/// Pixels of a picture.
const MAX_PIXELS: usize = 24_000_000;
/// Bytes of a decoded picture.
const MAX_DECODED: usize = 96 * 1024 * 1024;

/// What a file is, by how it begins. Stored as its media type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(const_into_str)]
pub enum MediaType {
    #[strum(serialize = "image/jpeg")]
    Jpeg,
    #[strum(serialize = "image/png")]
    Png,
    #[strum(serialize = "application/pdf")]
    Pdf,
}

impl MediaType {
    pub fn of(file: &[u8]) -> Option<Self> {
        let begins: [(&[u8], Self); 3] = [
            (b"\xff\xd8\xff", Self::Jpeg),
            (b"\x89PNG\r\n\x1a\n", Self::Png),
            (b"%PDF-", Self::Pdf),
        ];
        let found = begins.into_iter().find(|(magic, _)| file.starts_with(magic));
        found.map(|(_, media_type)| media_type)
    }
}

/// A file as it may be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CleanFile {
    pub media_type: MediaType,
    pub bytes: Vec<u8>,
}

/// Why a file is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE", const_into_str)]
pub enum Refusal {
    #[error("it is no JPEG, PNG or PDF")]
    OtherType,
    #[error("it has more than 5 MiB")]
    TooLarge,
    #[error("it is damaged, or written in a way that is not read here")]
    Damaged,
    #[error("the picture has more than 24 million pixels, or a side of more than 12,000")]
    TooManyPixels,
    #[error("the document has more parts or pages than are read here")]
    TooComplex,
    #[error("the document is encrypted")]
    Encrypted,
    #[error("the document has scripts, embedded files, or actions beyond reading it")]
    ActiveContent,
    #[error("the document has pictures whose metadata cannot be removed")]
    HiddenMetadata,
}

/// The file without anything but its picture or pages.
pub fn clean(file: &[u8]) -> Result<CleanFile, Refusal> {
    if file.len() > MAX_FILE {
        return Err(Refusal::TooLarge);
    }
    let media_type = MediaType::of(file).ok_or(Refusal::OtherType)?;
    let bytes = match media_type {
        MediaType::Jpeg => jpeg::clean(file),
        MediaType::Png => png::clean(file),
        MediaType::Pdf => pdf::clean(file),
    }?;
    if bytes.len() > MAX_FILE {
        return Err(Refusal::TooLarge);
    }
    Ok(CleanFile { media_type, bytes })
}

/// Whether a picture of this size is read.
const fn check_size(width: usize, height: usize) -> Result<(), Refusal> {
    if width == 0 || height == 0 {
        return Err(Refusal::Damaged);
    }
    if width > MAX_SIDE || height > MAX_SIDE || width * height > MAX_PIXELS {
        return Err(Refusal::TooManyPixels);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
