//! `ListFactKinds`: the fact kinds as the contract describes them.

use lutong_chassis::skin::Page;
use lutong_kernel::Fault;
use lutong_proto::declaration::v1 as wire;
use lutong_proto::facts::{Attribute, FactKind, Label, Shape};
use lutong_proto::types::v1 as types;

/// A page of the kinds, in the order of the contract.
pub fn list(page: &Page) -> Result<wire::ListFactKindsResponse, Fault> {
    let after = page.after(|name| String::from_utf8(name.to_vec()).ok())?;
    let place = |name: &str| FactKind::ALL.iter().position(|kind| kind.as_str() == name);
    let begin = after.and_then(|name| place(&name)).map_or(0, |last| last + 1);
    let kinds = FactKind::ALL
        .into_iter()
        .skip(begin)
        .take(page.size + 1)
        .collect();
    let (kinds, next_page_token) = page.cut(kinds, |last: &FactKind| last.as_str().as_bytes().to_vec())?;
    Ok(wire::ListFactKindsResponse {
        fact_kinds: kinds.into_iter().map(kind).collect(),
        next_page_token,
    })
}

fn title(label: Label) -> types::LocalisedText {
    types::LocalisedText::new(label.zh, label.en)
}

fn kind(kind: FactKind) -> wire::FactKind {
    let reporting = kind.reporting();
    wire::FactKind {
        name: format!("fact-kinds/{kind}"),
        fact_kind_id: kind.to_string(),
        title: Some(title(kind.label())),
        authorities: reporting
            .authorities
            .iter()
            .map(|one| (*one).to_owned())
            .collect(),
        reportable: reporting.reportable,
        attributes: kind.attributes().iter().map(attribute).collect(),
    }
}

fn attribute(attribute: &Attribute) -> wire::FactAttribute {
    use wire::FactAttributeType as Type;
    let (mut max_chars, mut min, mut max) = (None, None, None);
    let r#type = match attribute.shape {
        Shape::Instant => Type::Instant,
        Shape::Word(_) => Type::Enum,
        Shape::Words(_) => Type::EnumList,
        Shape::Id => Type::Id,
        Shape::Division => Type::Division,
        Shape::CountryAbroad => Type::CountryAbroad,
        Shape::Province => Type::Province,
        Shape::Community(most) => {
            max_chars = i32::try_from(most).ok();
            Type::Community
        }
        Shape::Text(most) => {
            max_chars = i32::try_from(most).ok();
            Type::Text
        }
        Shape::Number { least, greatest } => {
            (min, max) = (Some(least), Some(greatest));
            Type::Number
        }
    };
    let values = attribute.words().iter().zip(attribute.labels);
    wire::FactAttribute {
        field: attribute.field.to_owned(),
        attribute: attribute.name.to_owned(),
        title: Some(title(attribute.label)),
        r#type: r#type.into(),
        required: attribute.required,
        values: values
            .map(|(word, label)| wire::FactAttributeValue {
                value: format!("{}{}", attribute.prefix, word.to_uppercase()),
                word: (*word).to_owned(),
                title: Some(title(*label)),
            })
            .collect(),
        max_chars,
        min,
        max,
    }
}
