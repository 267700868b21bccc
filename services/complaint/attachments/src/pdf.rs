//! PDF: read into its objects, and written anew from those that its pages need, if none of them does anything but show.

use lopdf::{Dictionary, Document, LoadOptions, Object, Stream};

use crate::pdf_bounds::{self, MAX_INFLATED};
use crate::{Refusal, jpeg};

const MAX_PAGES: usize = 200;

/// Entries of dictionaries that make a document more than pages.
const ACTIVE_KEYS: [&[u8]; 9] = [
    b"JS",
    b"JavaScript",
    b"EmbeddedFiles",
    b"EF",
    b"AF",
    b"XFA",
    b"RichMediaContent",
    b"Rendition",
    b"Collection",
];
/// Names of actions, annotations and streams that do.
const ACTIVE_NAMES: [&[u8]; 14] = [
    b"JavaScript",
    b"Launch",
    b"EmbeddedFile",
    b"FileAttachment",
    b"RichMedia",
    b"RichMediaExecute",
    b"ImportData",
    b"SubmitForm",
    b"Rendition",
    b"Movie",
    b"Sound",
    b"3D",
    b"GoToE",
    b"GoToR",
];
/// Entries that are taken out: metadata, pictures of pages, and what happens by itself when a document is opened.
const REMOVED_KEYS: [&[u8]; 7] = [
    b"Metadata",
    b"PieceInfo",
    b"LastModified",
    b"Thumb",
    b"SpiderInfo",
    b"OpenAction",
    b"AA",
];

pub fn clean(file: &[u8]) -> Result<Vec<u8>, Refusal> {
    pdf_bounds::check(file)?;
    let options = LoadOptions {
        max_decompressed_size: Some(MAX_INFLATED),
        ..LoadOptions::default()
    };
    let mut document = Document::load_mem_with_options(file, options).map_err(|error| refused(&error))?;
    if document.is_encrypted() || document.was_encrypted() {
        return Err(Refusal::Encrypted);
    }
    let pages = document.page_iter().take(MAX_PAGES + 1).count();
    if pages == 0 {
        return Err(Refusal::Damaged);
    }
    if pages > MAX_PAGES {
        return Err(Refusal::TooComplex);
    }
    let root = document.trailer.get(b"Root").map_err(|_| Refusal::Damaged)?;
    let mut trailer = Dictionary::new();
    trailer.set("Root", root.clone());
    document.trailer = trailer;
    for object in document.objects.values_mut() {
        strip(object)?;
    }
    document.prune_objects();
    for object in document.objects.values() {
        check(object)?;
    }
    for object in document.objects.values_mut() {
        if let Object::Stream(stream) = object {
            strip_picture(stream)?;
        }
    }
    document.renumber_objects();
    document.compress();
    let fresh = Document::with_version(version(&document.version));
    document.version.clone_from(&fresh.version);
    document.binary_mark = fresh.binary_mark;
    document.reference_table = fresh.reference_table;
    let mut out = Vec::new();
    document.save_to(&mut out).map_err(|_| Refusal::Damaged)?;
    Ok(out)
}

fn refused(error: &lopdf::Error) -> Refusal {
    match error {
        lopdf::Error::Decompress(lopdf::DecompressError::MemoryLimitExceeded { .. }) => Refusal::TooComplex,
        lopdf::Error::Decryption(_)
        | lopdf::Error::InvalidPassword
        | lopdf::Error::UnsupportedSecurityHandler(_) => Refusal::Encrypted,
        _ => Refusal::Damaged,
    }
}

/// What a header may say: whatever else stands in it does not come out.
fn version(stated: &str) -> &str {
    let is_plain = matches!(stated.as_bytes(), [b'1' | b'2', b'.', b'0'..=b'9']);
    if is_plain { stated } else { "1.7" }
}

/// Takes out what is not kept, at any depth; the parser bounds it.
fn strip(object: &mut Object) -> Result<(), Refusal> {
    match object {
        Object::Dictionary(dictionary) => strip_dictionary(dictionary),
        Object::Stream(stream) => strip_dictionary(&mut stream.dict),
        Object::Array(items) => items.iter_mut().try_for_each(strip),
        _ => Ok(()),
    }
}

fn strip_dictionary(dictionary: &mut Dictionary) -> Result<(), Refusal> {
    for key in REMOVED_KEYS {
        dictionary.remove(key);
    }
    dictionary.iter_mut().try_for_each(|(_, value)| strip(value))
}

/// Whether an object that the pages need only shows.
fn check(object: &Object) -> Result<(), Refusal> {
    match object {
        Object::Name(name) if ACTIVE_NAMES.contains(&name.as_slice()) => Err(Refusal::ActiveContent),
        Object::Dictionary(dictionary) => check_dictionary(dictionary),
        Object::Stream(stream) => {
            // The data lie in another file.
            if stream.dict.has(b"F") {
                return Err(Refusal::ActiveContent);
            }
            check_dictionary(&stream.dict)
        }
        Object::Array(items) => items.iter().try_for_each(check),
        _ => Ok(()),
    }
}

fn check_dictionary(dictionary: &Dictionary) -> Result<(), Refusal> {
    if ACTIVE_KEYS.iter().any(|key| dictionary.has(key)) {
        return Err(Refusal::ActiveContent);
    }
    dictionary.iter().try_for_each(|(_, value)| check(value))
}

/// Takes the metadata out of a picture.
fn strip_picture(stream: &mut Stream) -> Result<(), Refusal> {
    let filters = stream.filters().unwrap_or_default();
    if filters.iter().any(|filter| *filter == b"JPXDecode") {
        return Err(Refusal::HiddenMetadata);
    }
    if !filters
        .iter()
        .any(|filter| matches!(*filter, b"DCTDecode" | b"DCT"))
    {
        return Ok(());
    }
    if filters.len() != 1 {
        return Err(Refusal::HiddenMetadata);
    }
    let stripped = jpeg::without_metadata(&stream.content).ok_or(Refusal::HiddenMetadata)?;
    stream.set_content(stripped);
    Ok(())
}
