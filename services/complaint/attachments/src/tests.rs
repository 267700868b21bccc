//! What comes out of a file, and what is refused.

#![allow(clippy::unwrap_used)]

use lopdf::{Document, Object, SaveOptions, Stream, dictionary};

use super::*;

const SECRET: &[u8] = b"36.0671N,120.3826E";
const TAILS: [&[u8]; 3] = [
    b"PK\x03\x04 payload PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
    b"<html><script>alert(1)</script></html>",
    b"%PDF-1.7\n1 0 obj<</S/JavaScript>>endobj\n%%EOF",
];

fn has(file: &[u8], part: &[u8]) -> bool {
    file.windows(part.len()).any(|window| window == part)
}

fn exif(orientation: u16) -> Vec<u8> {
    let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    exif.extend_from_slice(&orientation.to_le_bytes());
    exif.extend_from_slice(b"\0\0\0\0\0\0");
    exif.extend_from_slice(SECRET);
    exif
}

fn jpeg_of(width: u16, height: u16, orientation: u16) -> Vec<u8> {
    let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height) * 3)
        .map(|n| u8::try_from(n % 251).unwrap())
        .collect();
    let mut plain = Vec::new();
    let (width, height, color) = (width.into(), height.into(), image::ExtendedColorType::Rgb8);
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut plain, 90)
        .encode(&pixels, width, height, color)
        .unwrap();
    let begin = plain.strip_prefix(b"\xff\xd8").unwrap();
    let mut out = b"\xff\xd8".to_vec();
    for (marker, data) in [(0xe1, exif(orientation)), (0xed, [SECRET, TAILS[1]].concat())] {
        out.extend_from_slice(&[0xff, marker]);
        out.extend_from_slice(&u16::try_from(data.len() + 2).unwrap().to_be_bytes());
        out.extend_from_slice(&data);
    }
    out.extend_from_slice(begin);
    out
}

/// The size that a JPEG states.
fn size(jpeg: &[u8]) -> (usize, usize) {
    let mut decoder = zune_jpeg::JpegDecoder::new(zune_jpeg::zune_core::bytestream::ZCursor::new(jpeg));
    let pixels = decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    assert!(!pixels.is_empty());
    (usize::from(info.width), usize::from(info.height))
}

fn png_of(
    color: ::png::ColorType,
    depth: ::png::BitDepth,
    pixels: &[u8],
    width: u32,
    height: u32,
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.set_depth(depth);
    if color == ::png::ColorType::Indexed {
        encoder.set_palette(vec![1, 2, 3, 4, 5, 6]);
        encoder.set_trns(vec![0, 255]);
    }
    let place = String::from_utf8(SECRET.to_vec()).unwrap();
    encoder
        .add_text_chunk("Comment".to_owned(), place.clone())
        .unwrap();
    encoder
        .add_itxt_chunk("XML:com.adobe.xmp".to_owned(), place)
        .unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(pixels).unwrap();
    writer.finish().unwrap();
    out
}

fn pixels_of(png: &[u8]) -> (::png::OutputInfo, Vec<u8>, Option<Vec<u8>>) {
    let mut reader = ::png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    let palette = reader.info().palette.as_ref().map(|palette| palette.to_vec());
    (info, pixels, palette)
}

/// A document of one page; `more` goes into its catalog.
fn document(more: impl FnOnce(&mut Document) -> lopdf::Dictionary) -> Document {
    let mut document = Document::with_version("1.7");
    let pages = document.new_object_id();
    let content = document.add_object(Stream::new(dictionary! {}, b"BT (complaint) Tj ET".to_vec()));
    let page = document.add_object(dictionary! {
        "Type" => "Page", "Parent" => pages, "Contents" => content,
        "MediaBox" => vec![0.into(), 0.into(), 595.into(), 842.into()],
    });
    let kids = dictionary! {"Type" => "Pages", "Kids" => vec![page.into()], "Count" => 1};
    document.objects.insert(pages, Object::Dictionary(kids));
    let mut catalog = dictionary! {"Type" => "Catalog", "Pages" => pages};
    let more = more(&mut document);
    for (key, value) in &more {
        catalog.set(key.clone(), value.clone());
    }
    let root = document.add_object(catalog);
    document.trailer.set("Root", root);
    document
}

fn saved(mut document: Document) -> Vec<u8> {
    let mut out = Vec::new();
    document.save_to(&mut out).unwrap();
    out
}

fn plain() -> Vec<u8> {
    saved(document(|_| dictionary! {}))
}

#[test]
fn a_file_is_what_it_begins_as() {
    let (jpeg, pdf) = (jpeg_of(16, 16, 1), plain());
    let png = png_of(::png::ColorType::Grayscale, ::png::BitDepth::Eight, &[7; 4], 2, 2);
    for (file, media_type) in [
        (&jpeg, MediaType::Jpeg),
        (&png, MediaType::Png),
        (&pdf, MediaType::Pdf),
    ] {
        assert_eq!(clean(file).unwrap().media_type, media_type);
        // Nothing may stand before it.
        let shifted = [b"\n".as_slice(), file].concat();
        assert_eq!(clean(&shifted).unwrap_err(), Refusal::OtherType);
    }
    let others: [&[u8]; 7] = [
        b"",
        b"GIF89a",
        b"RIFF\0\0\0\0WEBP",
        b"PK\x03\x04",
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>",
        b"MZ\x90\0",
        b"\xff\xd8",
    ];
    for other in others {
        assert_eq!(clean(other).unwrap_err(), Refusal::OtherType);
    }
    let begun: [&[u8]; 3] = [&jpeg[..20], &png[..20], &pdf[..20]];
    for begun in begun {
        assert_eq!(clean(begun).unwrap_err(), Refusal::Damaged);
    }
    assert_eq!(clean(&vec![0; MAX_FILE + 1]).unwrap_err(), Refusal::TooLarge);
}

#[test]
fn metadata_and_whatever_is_appended_do_not_come_out() {
    let information = |document: &mut Document| {
        let secret = Object::string_literal(SECRET);
        let info = document.add_object(dictionary! {"Author" => secret});
        document.trailer.set("Info", info);
        let xmp = Stream::new(dictionary! {"Type" => "Metadata"}, SECRET.to_vec());
        let xmp = document.add_object(xmp.with_compression(false));
        dictionary! {"Metadata" => xmp, "OpenAction" => dictionary! {"S" => "JavaScript"}}
    };
    let files = [
        jpeg_of(40, 24, 1),
        png_of(::png::ColorType::Rgb, ::png::BitDepth::Eight, &[7; 12], 2, 2),
        saved(document(information)),
    ];
    for file in files {
        assert!(has(&file, SECRET));
        for tail in TAILS {
            let Ok(CleanFile { bytes: cleaned, .. }) = clean(&[&file, tail].concat()) else {
                // Two documents in one are none.
                assert!(file.starts_with(b"%PDF-") && tail.starts_with(b"%PDF-"));
                continue;
            };
            assert!(!has(&cleaned, SECRET));
            assert!(!has(&cleaned, tail));
            assert!(
                !has(&cleaned, b"PK\x05\x06") && !has(&cleaned, b"<html") && !has(&cleaned, b"JavaScript")
            );
            // Clean already.
            assert!(clean(&cleaned).is_ok());
        }
    }
}

#[test]
fn a_picture_that_a_camera_took_on_its_side_is_upright() {
    for (orientation, expected) in [
        (1, (40, 24)),
        (3, (40, 24)),
        (6, (24, 40)),
        (8, (24, 40)),
        (99, (40, 24)),
    ] {
        let cleaned = clean(&jpeg_of(40, 24, orientation)).unwrap();
        assert_eq!(size(&cleaned.bytes), expected);
    }
    // 1 2
    // 3 4
    // 5 6, by the eight of EXIF.
    let pixels = || vec![1, 2, 3, 4, 5, 6];
    for (value, expected, width) in [
        (1, [1, 2, 3, 4, 5, 6], 2),
        (2, [2, 1, 4, 3, 6, 5], 2),
        (3, [6, 5, 4, 3, 2, 1], 2),
        (4, [5, 6, 3, 4, 1, 2], 2),
        (5, [1, 3, 5, 2, 4, 6], 3),
        (6, [5, 3, 1, 6, 4, 2], 3),
        (7, [6, 4, 2, 5, 3, 1], 3),
        (8, [2, 4, 6, 1, 3, 5], 3),
    ] {
        let orientation = orientation::of_exif(&exif(value));
        let (turned, to_width, _) = orientation::apply(orientation, pixels(), (2, 3), 1);
        assert_eq!((turned, to_width), (expected.to_vec(), width), "{value}");
    }
}

#[test]
fn the_pixels_of_a_png_come_out_as_they_were() {
    use ::png::{BitDepth, ColorType};
    for (color, depth, pixels) in [
        (ColorType::Rgba, BitDepth::Sixteen, (0..32).collect::<Vec<u8>>()),
        (ColorType::Indexed, BitDepth::One, vec![0b0100_0000, 0b1000_0000]),
        (ColorType::Grayscale, BitDepth::Four, vec![0x12, 0x34]),
    ] {
        let file = png_of(color, depth, &pixels, 2, 2);
        let (before, after) = (pixels_of(&file), pixels_of(&clean(&file).unwrap().bytes));
        assert_eq!(before, after);
    }
}

/// A PNG whose header says another size than its pixels have.
fn stating(width: u32, height: u32) -> Vec<u8> {
    let mut file = png_of(::png::ColorType::Grayscale, ::png::BitDepth::Eight, &[7; 4], 2, 2);
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let checksum = crc(&file[12..29]);
    file[29..33].copy_from_slice(&checksum.to_be_bytes());
    file
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[test]
fn a_picture_that_would_be_too_large_is_refused_before_it_is_decoded() {
    for (width, height) in [
        (50_000, 2),
        (2, 50_000),
        (11_000, 11_000),
        (0x7fff_ffff, 0x7fff_ffff),
    ] {
        assert_eq!(
            clean(&stating(width, height)).unwrap_err(),
            Refusal::TooManyPixels
        );
    }
    assert_eq!(clean(&stating(4, 4)).unwrap_err(), Refusal::Damaged);
    // 20 million pixels of eight bytes in some kilobytes.
    let zeros = vec![0; 10_000 * 2_000 * 8];
    let bomb = png_of(
        ::png::ColorType::Rgba,
        ::png::BitDepth::Sixteen,
        &zeros,
        10_000,
        2_000,
    );
    assert!(bomb.len() < MAX_FILE);
    assert_eq!(clean(&bomb).unwrap_err(), Refusal::TooManyPixels);
    let mut jpeg = jpeg_of(40, 24, 1);
    let frame = jpeg.windows(2).position(|pair| pair == b"\xff\xc0").unwrap();
    for (width, height, expected) in [
        (65_000_u16, 24_u16, Refusal::TooManyPixels),
        (11_000, 11_000, Refusal::TooManyPixels),
        (0, 24, Refusal::Damaged),
    ] {
        jpeg[frame + 5..frame + 7].copy_from_slice(&height.to_be_bytes());
        jpeg[frame + 7..frame + 9].copy_from_slice(&width.to_be_bytes());
        assert_eq!(clean(&jpeg).unwrap_err(), expected);
    }
}

#[test]
fn a_document_that_does_more_than_show_is_refused() {
    let actions = [
        dictionary! {"S" => "JavaScript", "JS" => Object::string_literal("app.alert(1)")},
        dictionary! {"S" => "Launch", "Win" => dictionary! {}},
        dictionary! {"S" => "SubmitForm"},
        dictionary! {"S" => "GoToR"},
        dictionary! {"S" => Object::Name(b"ImportData".to_vec())},
    ];
    for action in actions {
        let hidden = |document: &mut Document| {
            let action = document.add_object(action);
            dictionary! {"Outlines" => dictionary! {"First" => vec![dictionary! {"A" => action}.into()]}}
        };
        let refused = clean(&saved(document(hidden))).unwrap_err();
        assert_eq!(refused, Refusal::ActiveContent);
    }
    let names = |name: &str| {
        let name = name.to_owned();
        clean(&saved(document(|_| {
            dictionary! {"Names" => dictionary! {name => dictionary! {"Names" => Vec::<Object>::new()}}}
        })))
    };
    assert_eq!(names("EmbeddedFiles").unwrap_err(), Refusal::ActiveContent);
    assert_eq!(names("JavaScript").unwrap_err(), Refusal::ActiveContent);
    assert!(names("Dests").is_ok());
    // Written with digits (which moves the table of references), and in a stream of objects.
    let escaped = saved(document(
        |_| dictionary! {"Extra" => dictionary! {"S" => "JavaScripu"}},
    ));
    let at = escaped
        .windows(10)
        .position(|name| name == b"JavaScripu")
        .unwrap();
    let escaped = [&escaped[..at], b"#4aavaScript", &escaped[at + 10..]].concat();
    assert_eq!(clean(&escaped).unwrap_err(), Refusal::ActiveContent);
    let hidden = document(|document| {
        let action = document.add_object(dictionary! {"S" => "JavaScript"});
        dictionary! {"Extra" => action}
    });
    let mut packed = Vec::new();
    let options = SaveOptions::builder()
        .use_object_streams(true)
        .use_xref_streams(true)
        .compression_level(9)
        .build();
    let mut hidden = hidden;
    hidden.save_with_options(&mut packed, options).unwrap();
    assert!(!has(&packed, b"JavaScript"));
    assert_eq!(clean(&packed).unwrap_err(), Refusal::ActiveContent);
}

#[test]
fn an_encrypted_document_is_refused_also_where_it_needs_no_password() {
    let mut document = document(|_| dictionary! {});
    document.trailer.set(
        "ID",
        vec![
            Object::string_literal("1234567890123456"),
            Object::string_literal("1234567890123456"),
        ],
    );
    for user_password in ["", "open"] {
        let mut one = document.clone();
        let version = lopdf::EncryptionVersion::V2 {
            document: &one,
            owner_password: "owner",
            user_password,
            key_length: 128,
            permissions: lopdf::Permissions::all(),
        };
        let state = lopdf::EncryptionState::try_from(version).unwrap();
        one.encrypt(&state).unwrap();
        assert_eq!(clean(&saved(one)).unwrap_err(), Refusal::Encrypted);
    }
}

#[test]
fn a_picture_in_a_document_has_no_metadata_and_the_same_pixels() {
    let with_picture = |filter: Object, content: Vec<u8>| {
        document(move |document| {
            let picture = dictionary! {"Type" => "XObject", "Subtype" => "Image", "Filter" => filter};
            let picture = document.add_object(Stream::new(picture, content).with_compression(false));
            dictionary! {"Picture" => picture}
        })
    };
    let jpeg = jpeg_of(40, 24, 1);
    let file = saved(with_picture("DCTDecode".into(), [&jpeg, TAILS[0]].concat()));
    assert!(has(&file, SECRET) && has(&file, b"PK\x05\x06"));
    let cleaned = clean(&file).unwrap().bytes;
    assert!(!has(&cleaned, SECRET) && !has(&cleaned, b"PK\x05\x06"));
    let kept = jpeg::without_metadata(&jpeg).unwrap();
    assert!(has(&cleaned, &kept));
    assert_eq!(size(&kept), (40, 24));
    let unclean: [(Object, &[u8]); 4] = [
        ("JPXDecode".into(), b"\0\0\0\x0cjP  "),
        (vec!["FlateDecode".into(), "DCTDecode".into()].into(), b"x"),
        ("DCTDecode".into(), b"no picture"),
        ("DCTDecode".into(), &jpeg[..30]),
    ];
    for (filter, content) in unclean {
        let file = saved(with_picture(filter, content.to_vec()));
        assert_eq!(clean(&file).unwrap_err(), Refusal::HiddenMetadata);
    }
}

#[test]
fn a_document_that_stands_for_more_than_it_is_is_refused() {
    // Each byte an object, and names written with digits.
    let flood = saved(document(
        |_| dictionary! {"Extra" => vec![Object::Integer(0); 800_000]},
    ));
    assert!(flood.len() < MAX_FILE);
    assert_eq!(clean(&flood).unwrap_err(), Refusal::TooComplex);
    let streams = b"/Obj#53tm ".repeat(33);
    let many = [plain(), streams].concat();
    assert_eq!(clean(&many).unwrap_err(), Refusal::TooComplex);
    let large = document(|_| dictionary! {"Extra" => vec![Object::Integer(0); 200_000]});
    let options = SaveOptions::builder()
        .use_object_streams(true)
        .use_xref_streams(true)
        .compression_level(9)
        .build();
    let (mut large, mut packed) = (large, Vec::new());
    large.save_with_options(&mut packed, options).unwrap();
    assert!(packed.len() < 10_000);

    assert_eq!(clean(&packed).unwrap_err(), Refusal::TooComplex);
    let pages = document(|document| {
        let pages = document.new_object_id();
        let page = |document: &mut Document| -> Object {
            document
                .add_object(dictionary! {"Type" => "Page", "Parent" => pages})
                .into()
        };
        let kids: Vec<Object> = (0..201).map(|_| page(document)).collect();
        let all = dictionary! {"Type" => "Pages", "Kids" => kids, "Count" => 201};
        document.objects.insert(pages, Object::Dictionary(all));
        dictionary! {"Pages" => pages}
    });
    assert_eq!(clean(&saved(pages)).unwrap_err(), Refusal::TooComplex);
}

#[test]
fn a_file_with_any_byte_changed_is_cleaned_or_refused() {
    let files = [
        jpeg_of(16, 16, 6),
        png_of(::png::ColorType::Rgb, ::png::BitDepth::Eight, &[7; 12], 2, 2),
        plain(),
    ];
    for file in files {
        for at in 0..file.len() {
            let mut changed = file.clone();
            changed[at] ^= 0x55;
            let _ = clean(&changed);
            let _ = clean(&file[..at]);
        }
    }
}
