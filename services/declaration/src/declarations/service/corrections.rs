//! What a declaration corrects of the person's earlier ones, found in the transaction that stores it.

use lutong_kernel::{ApplicationId, Fault};
use lutong_storage::crypto::ReadyCipher;
use sea_orm::DatabaseTransaction;

use crate::applications::domain::replace_statements;
use crate::declarations::domain::{Declaration, DeclarationKind, DeclarationState, Details};
use crate::declarations::store::{self, earlier};
use crate::fault;

/// Whether the statements of a declaration depend on earlier declarations.
pub const fn corrects_earlier(declaration: &Declaration) -> bool {
    declaration.provenance.is_some() || declaration.is_recovery() || declaration.replaces.is_some()
}

/// Has the statements of a declaration correct those of the person's earlier ones.
pub async fn correct_earlier(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    declaration: &mut Declaration,
) -> Result<(), Fault> {
    if !declaration.is_proved() {
        return Ok(());
    }
    if declaration.provenance.is_some() {
        replace_partner_code(transaction, cipher, declaration).await?;
    }
    if declaration.is_recovery() {
        end_symptoms(transaction, cipher, declaration).await?;
    }
    if let Some(replaced) = declaration.replaces {
        replace_application(transaction, cipher, declaration, replaced).await?;
    }
    Ok(())
}

/// The same for a declaration that has just been proved, which was acknowledged long ago and cannot be refused: where the application
/// that it was to replace has ended meanwhile, it replaces none.
pub async fn correct_proved(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    declaration: &mut Declaration,
) -> Result<(), Fault> {
    if let Some(replaced) = declaration.replaces {
        let earlier = store::find(transaction, cipher, &[declaration.account], replaced).await?;
        let is_replaceable = |one: &Declaration| {
            check_replaceable(one).is_ok() && one.is_readable_by(Some(declaration.subject))
        };
        if !earlier.as_ref().is_some_and(is_replaceable) {
            declaration.replaces = None;
        }
    }
    correct_earlier(transaction, cipher, declaration).await
}

/// The converted code replaces that of the previous arrival.
async fn replace_partner_code(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    declaration: &mut Declaration,
) -> Result<(), Fault> {
    let before = earlier::current_partner_code(transaction, cipher, declaration.subject).await?;
    let mut statements = declaration.statements.iter_mut();
    if let Some(code) = statements.find(|one| one.kind == "partner_code") {
        code.replaces = before;
    }
    Ok(())
}

/// A recovery ends the symptoms of earlier daily reports.
async fn end_symptoms(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    declaration: &mut Declaration,
) -> Result<(), Fault> {
    let open = earlier::open_symptoms(transaction, cipher, declaration.subject).await?;
    if let Some(Details::DailyReport(report)) = &declaration.details {
        declaration.statements = report.corrections(declaration.id, declaration.created_at, open);
    }
    Ok(())
}

/// An application takes the place of an earlier one of its account and person. What that one stated counts from now on only as far as
/// this one says.
async fn replace_application(
    transaction: &DatabaseTransaction,
    cipher: &ReadyCipher,
    declaration: &mut Declaration,
    replaced: ApplicationId,
) -> Result<(), Fault> {
    let account = declaration.account;
    // Marked before it is read: a concurrent proof or replacement of it has committed by then.
    let is_replaced = store::set_replaced(transaction, &account, replaced, declaration.id).await?;
    let earlier = store::find(transaction, cipher, &[account], replaced).await?;
    let earlier = earlier
        .filter(|one| one.kind == DeclarationKind::Application)
        .filter(|one| one.is_readable_by(Some(declaration.subject)))
        .ok_or_else(fault::declaration_not_found)?;
    if !is_replaced {
        return Err(not_replaceable(&earlier));
    }
    // What was not proved has been stated to nobody.
    if earlier.is_proved() {
        replace_statements(declaration.id, earlier.statements, &mut declaration.statements);
    }
    Ok(())
}

/// Refuses to replace an application that has ended.
pub fn check_replaceable(earlier: &Declaration) -> Result<(), Fault> {
    if earlier.replaced_by.is_some() || earlier.refused_at.is_some() {
        return Err(not_replaceable(earlier));
    }
    Ok(())
}

fn not_replaceable(earlier: &Declaration) -> Fault {
    fault::declaration_not_replaceable(if earlier.refused_at.is_some() {
        DeclarationState::Refused.into_str()
    } else {
        DeclarationState::Replaced.into_str()
    })
}
