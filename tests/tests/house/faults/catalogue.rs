//! What a source file makes of errors, read out of its syntax.

use std::collections::{BTreeMap, BTreeSet};

use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};

use crate::imports::is_test;

fn is_reason(text: &str) -> bool {
    text.len() >= 3
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

fn last(path: &syn::Path) -> String {
    path.segments
        .last()
        .map(|segment| segment.ident.to_string())
        .unwrap_or_default()
}

/// The type whose `new` a call names.
fn made_by(call: &syn::ExprCall) -> Option<String> {
    let syn::Expr::Path(function) = &*call.func else {
        return None;
    };
    let segments = &function.path.segments;
    let owner = segments.iter().rev().nth(1)?.ident.to_string();
    (last(&function.path) == "new").then_some(owner)
}

/// The arguments of a macro such as `vec!`, where they are expressions.
fn arguments(one: &syn::Macro) -> Vec<syn::Expr> {
    let parser = Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
    parser
        .parse2(one.tokens.clone())
        .map(|arguments| arguments.into_iter().collect())
        .unwrap_or_default()
}

/// Where faults and violations are made.
#[derive(Default)]
struct Constructions(usize);

impl<'ast> Visit<'ast> for Constructions {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let owner = made_by(call);
        self.0 += usize::from(owner.is_some_and(|owner| owner == "Fault" || owner == "Violation"));
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_struct(&mut self, one: &'ast syn::ExprStruct) {
        self.0 += usize::from(["Fault", "Violation"].contains(&&*last(&one.path)));
        visit::visit_expr_struct(self, one);
    }

    fn visit_macro(&mut self, one: &'ast syn::Macro) {
        for argument in arguments(one) {
            // The arguments live as long as this call only.
            let mut inner = Self::default();
            inner.visit_expr(&argument);
            self.0 += inner.0;
        }
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}

/// How many faults and violations a file makes, tests apart.
pub fn constructions(file: &syn::File) -> usize {
    let mut found = Constructions::default();
    found.visit_file(file);
    found.0
}

/// The reasons of a catalogue: those of faults, as often as they are written, and those of fields.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    pub faults: BTreeMap<String, usize>,
    pub fields: BTreeSet<String>,
    /// Reasons outside a function that returns a fault or a violation.
    pub stray: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Fault,
    Field,
    Elsewhere,
}

struct Reasons<'a> {
    place: Place,
    into: &'a mut Catalogue,
}

impl<'ast> Visit<'ast> for Reasons<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.place = match &item.sig.output {
            syn::ReturnType::Type(_, made) => match &**made {
                syn::Type::Path(made) if last(&made.path) == "Fault" => Place::Fault,
                syn::Type::Path(made) if last(&made.path) == "Violation" => Place::Field,
                _ => Place::Elsewhere,
            },
            syn::ReturnType::Default => Place::Elsewhere,
        };
        visit::visit_item_fn(self, item);
        self.place = Place::Elsewhere;
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let outer = self.place;
        if made_by(call).is_some_and(|owner| owner == "Violation") {
            self.place = Place::Field;
        }
        visit::visit_expr_call(self, call);
        self.place = outer;
    }

    fn visit_macro(&mut self, one: &'ast syn::Macro) {
        for argument in arguments(one) {
            let place = self.place;
            Reasons {
                place,
                into: &mut *self.into,
            }
            .visit_expr(&argument);
        }
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        let text = text.value();
        if !is_reason(&text) {
            return;
        }
        match self.place {
            Place::Fault => *self.into.faults.entry(text).or_default() += 1,
            Place::Field => {
                self.into.fields.insert(text);
            }
            Place::Elsewhere => self.into.stray.push(text),
        }
    }
}

/// The catalogue that some files are.
pub fn catalogue<'a>(files: impl Iterator<Item = &'a syn::File>) -> Catalogue {
    let mut found = Catalogue::default();
    for file in files {
        let place = Place::Elsewhere;
        Reasons {
            place,
            into: &mut found,
        }
        .visit_file(file);
    }
    found
}

/// The reasons that stand beside a code in a file: those of the faults that it makes.
#[derive(Default)]
struct MadeHere(BTreeSet<String>);

impl<'ast> Visit<'ast> for MadeHere {
    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let mut arguments = call.args.iter();
        if let (Some(syn::Expr::Path(code)), Some(syn::Expr::Lit(reason))) =
            (arguments.next(), arguments.next())
            && code
                .path
                .segments
                .iter()
                .any(|segment| segment.ident == "FaultCode")
            && let syn::Lit::Str(reason) = &reason.lit
        {
            self.0.insert(reason.value());
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }
}

pub fn made_here(file: &syn::File) -> BTreeSet<String> {
    let mut found = MadeHere::default();
    found.visit_file(file);
    found.0
}
