//! Parses a row of a CSV file.

use std::collections::BTreeMap;

use lutong_kernel::Violation;
use lutong_kernel::fault::Violations;
use lutong_proto::declaration::v1::FactRow;
use lutong_proto::declaration::v1::fact_row::{Statement, Subject};
use lutong_proto::facts::{FactKind, UnknownKind, fact};
use lutong_proto::types::v1::{Correction, Document, DocumentType, Fact, Retraction};

/// The non-empty cells, by column.
struct Cells<'a> {
    by_column: BTreeMap<&'a str, &'a str>,
    wrong: Violations,
}

/// Parses a row, or returns everything that is wrong with it. Errors do not repeat the input, which may be personal.
pub fn read<'a>(cells: impl Iterator<Item = (&'a str, &'a str)>) -> Result<FactRow, Vec<Violation>> {
    let mut cells = Cells {
        by_column: cells.filter(|(_, cell)| !cell.is_empty()).collect(),
        wrong: Violations::new(),
    };
    let row = FactRow {
        source: cells.take("source"),
        key: cells.take("key"),
        subject: cells.subject(),
        statement: cells.statement(),
    };
    match cells.wrong.finish() {
        Ok(()) => Ok(row),
        Err(fault) => Err(fault.violations),
    }
}

impl Cells<'_> {
    fn take(&mut self, column: &str) -> String {
        self.by_column.remove(column).unwrap_or_default().to_owned()
    }

    fn refuse(&mut self, field: impl Into<String>, reason: &'static str, zh: &str, en: &str) {
        self.wrong.push(Violation::new(field, reason, zh, en));
    }

    fn subject(&mut self) -> Option<Subject> {
        let subject_id = self.take("subject_id");
        let r#type = self.take("document.type");
        let document = Document {
            r#type: self.document_type(&r#type),
            number: self.take("document.number"),
            issuing_country: self.take("document.issuing_country"),
        };
        let has_document = !r#type.is_empty() || document != Document::default();
        match (has_document, subject_id.is_empty()) {
            (true, false) => {
                self.refuse(
                    "subject_id",
                    "ONE_OF",
                    "与证件只能填写一项",
                    "excludes the document: one of them only",
                );
                None
            }
            (true, true) => Some(Subject::Document(document)),
            (false, false) => Some(Subject::SubjectId(subject_id)),
            (false, true) => None,
        }
    }

    fn document_type(&mut self, cell: &str) -> i32 {
        if cell.is_empty() {
            return 0;
        }
        let whole = format!("DOCUMENT_TYPE_{cell}");
        let known = DocumentType::from_str_name(cell).or_else(|| DocumentType::from_str_name(&whole));
        known.map_or_else(
            || {
                self.refuse(
                    "document.type",
                    "UNKNOWN_VALUE",
                    "没有该证件类型",
                    "there is no such document type",
                );
                0
            },
            i32::from,
        )
    }

    /// `None` if the row states nothing; the service reports that.
    fn statement(&mut self) -> Option<Statement> {
        let (kind, replaces_key) = (self.take("kind"), self.take("replaces_key"));
        let retracts_key = self.take("retracts_key");
        if !retracts_key.is_empty() {
            if !kind.is_empty()
                || !replaces_key.is_empty()
                || self.by_column.keys().any(|name| *name != "reason")
            {
                self.refuse(
                    "retracts_key",
                    "ONE_OF",
                    "撤回记录不得含类别、属性或更正编号",
                    "a retraction has no kind, attributes or replaces_key",
                );
            }
            let reason = self.take("reason");
            return Some(Statement::Retraction(Retraction { retracts_key, reason }));
        }
        if self.by_column.remove("reason").is_some() {
            self.refuse(
                "reason",
                "UNKNOWN_FIELD",
                "仅撤回记录有理由",
                "only a retraction has a reason",
            );
        }
        if kind.is_empty() {
            if !replaces_key.is_empty() || !self.by_column.is_empty() {
                self.refuse("kind", "MISSING", "必填", "is required");
            }
            return None;
        }
        let known: Result<FactKind, UnknownKind> = kind.parse();
        let Ok(kind) = known else {
            self.refuse(
                "kind",
                "UNKNOWN_VALUE",
                "记录类别不在列表中",
                &format!("is one of {}", lutong_proto::facts::KIND_NAMES),
            );
            return None;
        };
        Some(if replaces_key.is_empty() {
            Statement::Fact(self.fact(kind, "fact"))
        } else {
            let fact = Some(self.fact(kind, "correction.fact"));
            Statement::Correction(Correction { replaces_key, fact })
        })
    }

    /// A fact whose attributes are the remaining cells.
    fn fact(&mut self, kind: FactKind, at: &str) -> Fact {
        let outer = format!("{at}.{kind}");
        let known: Vec<_> = kind.attributes().iter().map(|one| one.name).collect();
        let left: Vec<_> = self.by_column.keys().copied().collect();
        for name in left.into_iter().filter(|name| !known.contains(name)) {
            self.refuse(
                format!("{outer}.{name}"),
                "UNKNOWN_FIELD",
                &format!("{kind}没有该属性，可用：{}", known.join("、")),
                &format!("{kind} has no such attribute, only {}", known.join(", ")),
            );
        }
        let mut values = Vec::with_capacity(known.len());
        for attribute in kind.attributes() {
            let cell = self.by_column.get(attribute.name);
            let value = cell.map(|cell| attribute.read_cell(cell)).transpose();
            values.push(value.unwrap_or_else(|mut wrong| {
                attribute.field.clone_into(&mut wrong.field);
                self.wrong.push(wrong.within(&outer));
                None
            }));
        }
        fact(kind, values)
    }
}
