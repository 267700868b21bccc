//! The table `accounts`: accounts and the people they belong to.

pub mod account_changes;
pub mod links;

use lutong_kernel::{Desk, DivisionCode, SubjectId, Timestamp};
use lutong_proto::policy::Role;
use lutong_storage::StorageError;
use lutong_storage::column::{read_division, read_subject, subject_bytes};
use lutong_transport::access::{FeedGrant, Roles};
use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ActiveValue::{NotSet, Set},
    ColumnTrait as _, Condition, ConnectionTrait, DatabaseTransaction, EntityTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};

use super::domain::{Account, AccountId};

pub mod account {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "accounts")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account_id: String,
        pub subject_id: Option<Vec<u8>>,
        /// Names of the contract's roles, blank-separated.
        pub roles: String,
        pub division: Option<i64>,
        pub feed_source: Option<String>,
        /// Blank-separated.
        pub feed_kinds: Option<String>,
        /// Blank-separated.
        pub feed_divisions: Option<String>,
        /// Blank-separated; absent: all.
        pub desks: Option<String>,
        pub disabled: bool,
        /// Grows with every change by an operator.
        pub version: i64,
        /// When the subject was linked; none for a link that is older than this column.
        pub linked_at: Option<i64>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// An account as stored, and whether it may sign in.
#[derive(Debug, Clone)]
pub struct StoredAccount {
    pub account: Account,
    pub disabled: bool,
}

fn damaged(what: &str) -> StorageError {
    StorageError::Damaged(format!("accounts.{what}"))
}

fn words(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default().split_ascii_whitespace()
}

impl TryFrom<account::Model> for StoredAccount {
    type Error = StorageError;

    fn try_from(row: account::Model) -> Result<Self, StorageError> {
        let account::Model {
            account_id,
            subject_id,
            roles,
            division,
            feed_source,
            feed_kinds,
            feed_divisions,
            desks,
            disabled,
            version,
            linked_at: _,
        } = row;
        let roles = words(Some(&roles))
            .map(|name| Role::from_str_name(name).ok_or_else(|| damaged("roles")))
            .collect::<Result<Vec<_>, _>>()?;
        let subject = subject_id
            .map(|bytes| read_subject(&bytes, "accounts.subject_id"))
            .transpose()?;
        let division = division
            .map(|number| read_division(number, "accounts.division"))
            .transpose()?;
        let divisions = words(feed_divisions.as_deref())
            .map(|code| DivisionCode::parse(code).map_err(|_| damaged("feed_divisions")))
            .collect::<Result<Vec<_>, _>>()?;
        // A desk that this process does not know must not be left out: that would lift the limit.
        let desks = words(desks.as_deref())
            .map(|desk| desk.parse().map_err(|_| damaged("desks")))
            .collect::<Result<Vec<_>, _>>()?;
        let feed = feed_source.map(|source| FeedGrant {
            source,
            kinds: words(feed_kinds.as_deref()).map(str::to_owned).collect(),
            divisions,
        });
        Ok(Self {
            account: Account {
                id: AccountId::stored(&account_id).map_err(|_| damaged("account_id"))?,
                roles: Roles::of(&roles),
                subject,
                division,
                feed,
                desks,
                version,
            },
            disabled,
        })
    }
}

fn row_of(account: &Account) -> account::ActiveModel {
    let roles: Vec<_> = account.roles.iter().map(|role| role.as_str_name()).collect();
    let divisions = |feed: &FeedGrant| {
        let codes: Vec<_> = feed.divisions.iter().map(ToString::to_string).collect();
        codes.join(" ")
    };
    let desks: Vec<_> = account.desks.iter().map(Desk::into_str).collect();
    account::ActiveModel {
        account_id: Set(account.id.as_str().to_owned()),
        subject_id: Set(account.subject.map(subject_bytes)),
        roles: Set(roles.join(" ")),
        division: Set(account.division.map(|division| i64::from(division.number()))),
        feed_source: Set(account.feed.as_ref().map(|feed| feed.source.clone())),
        feed_kinds: Set(account.feed.as_ref().map(|feed| feed.kinds.join(" "))),
        feed_divisions: Set(account.feed.as_ref().map(divisions)),
        desks: Set(Some(desks.join(" ")).filter(|desks| !desks.is_empty())),
        disabled: Set(false),
        version: Set(account.version),
        linked_at: NotSet,
    }
}

/// The row of a citizen's account that is linked to a person.
fn linked_row(id: &AccountId, subject: SubjectId, now: Timestamp) -> account::ActiveModel {
    let mut citizen = Account::citizen(id.clone());
    citizen.subject = Some(subject);
    account::ActiveModel {
        linked_at: Set(Some(now.micros())),
        ..row_of(&citizen)
    }
}

pub async fn find(
    connection: &impl ConnectionTrait,
    id: &AccountId,
) -> Result<Option<StoredAccount>, StorageError> {
    let row = account::Entity::find_by_id(id.as_str().to_owned())
        .one(connection)
        .await?;
    row.map(StoredAccount::try_from).transpose()
}

/// Accounts after an id, in order. Enabled citizens are listed only with `citizens`.
pub async fn list(
    connection: &impl ConnectionTrait,
    after: &str,
    citizens: bool,
    limit: u64,
) -> Result<Vec<StoredAccount>, StorageError> {
    let mut query = account::Entity::find().filter(account::Column::AccountId.gt(after));
    if !citizens {
        let notable = Condition::any()
            .add(account::Column::Roles.ne(Role::Citizen.as_str_name()))
            .add(account::Column::Disabled.eq(true));
        query = query.filter(notable);
    }
    let rows = query
        .order_by_asc(account::Column::AccountId)
        .limit(limit)
        .all(connection)
        .await?;
    rows.into_iter().map(StoredAccount::try_from).collect()
}

/// The grants of the accounts of a feed.
pub async fn grants(connection: &impl ConnectionTrait, source: &str) -> Result<Vec<FeedGrant>, StorageError> {
    let rows = account::Entity::find()
        .filter(account::Column::FeedSource.eq(source))
        .all(connection)
        .await?;
    let stored = rows.into_iter().map(StoredAccount::try_from);
    stored
        .filter_map(|stored| stored.map(|stored| stored.account.feed).transpose())
        .collect()
}

/// Stores what an operator changed. The person of the account does not change.
pub async fn update(
    transaction: &DatabaseTransaction,
    account: &Account,
    disabled: bool,
) -> Result<(), StorageError> {
    let row = account::ActiveModel {
        subject_id: NotSet,
        disabled: Set(disabled),
        ..row_of(account)
    };
    account::Entity::update(row).exec(transaction).await?;
    Ok(())
}

/// Adds an account. Returns `false` when an account of this name exists.
pub async fn insert(transaction: &DatabaseTransaction, account: &Account) -> Result<bool, StorageError> {
    insert_row(transaction, row_of(account)).await
}

async fn insert_row(
    transaction: &DatabaseTransaction,
    row: account::ActiveModel,
) -> Result<bool, StorageError> {
    let inserted = account::Entity::insert(row)
        .on_conflict(
            OnConflict::column(account::Column::AccountId)
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(transaction)
        .await?;
    Ok(inserted > 0)
}

/// Adds a citizen account for each person. Returns `false` when one of the accounts exists; the caller must then roll back.
pub async fn bind_new<'a>(
    transaction: &DatabaseTransaction,
    new: impl IntoIterator<Item = (&'a AccountId, SubjectId)>,
    now: Timestamp,
) -> Result<bool, StorageError> {
    let rows = new.into_iter().map(|(id, subject)| linked_row(id, subject, now));
    let rows: Vec<_> = rows.collect();
    let wanted = rows.len() as u64;
    let inserted = account::Entity::insert_many(rows)
        .on_conflict(
            OnConflict::column(account::Column::AccountId)
                .do_nothing()
                .to_owned(),
        )
        .exec_without_returning(transaction)
        .await?;
    Ok(inserted == wanted)
}

/// The person of an account.
pub async fn subject_of(
    connection: &impl ConnectionTrait,
    id: &AccountId,
) -> Result<Option<SubjectId>, StorageError> {
    let bound: Option<Option<Vec<u8>>> = account::Entity::find_by_id(id.as_str().to_owned())
        .select_only()
        .column(account::Column::SubjectId)
        .into_tuple()
        .one(connection)
        .await?;
    let bound = bound.flatten();
    bound
        .map(|bytes| read_subject(&bytes, "accounts.subject_id"))
        .transpose()
}

/// Binds an account to a person. Returns `false` when the account belongs to another person.
pub async fn bind(
    transaction: &DatabaseTransaction,
    id: &AccountId,
    subject: SubjectId,
    now: Timestamp,
) -> Result<bool, StorageError> {
    if insert_row(transaction, linked_row(id, subject, now)).await? {
        return Ok(true);
    }
    let own = subject_bytes(subject);
    // A link that is there keeps its time.
    let linked_at = "CASE WHEN subject_id IS NULL THEN $1 ELSE linked_at END";
    let bound = account::Entity::update_many()
        .col_expr(
            account::Column::LinkedAt,
            Expr::cust_with_expr(linked_at, now.micros()),
        )
        .col_expr(account::Column::SubjectId, Expr::value(own.clone()))
        .filter(account::Column::AccountId.eq(id.as_str()))
        .filter(
            Condition::any()
                .add(account::Column::SubjectId.is_null())
                .add(account::Column::SubjectId.eq(own)),
        )
        .exec(transaction)
        .await?;
    Ok(bound.rows_affected > 0)
}
