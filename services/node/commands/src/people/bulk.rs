//! `people bulk`: sends the rows of a file piece by piece, waits until each is registered or refused, and reports.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use lutong_client::client::{Calls, failed, new_request_id};
use lutong_client::noun::CallArgs;
use lutong_client::output::{complain, in_language};
use lutong_client::waiting::bar;
use lutong_client::{Failure, api::id_of};
use lutong_proto::declaration::v1::application_import_service_client::ApplicationImportServiceClient;
use lutong_proto::declaration::v1::{
    AppendApplicationImportRowsRequest, ApplicationImport, ApplicationImportState,
    CreateApplicationImportRequest, FinishApplicationImportRequest, GetApplicationImportRequest,
};
use lutong_proto::types::v1::{Document, DocumentType, HomeAddress, PersonItems};
use lutong_spreadsheets::MAX_FILE;
use lutong_spreadsheets::people::{self, PersonRow, StatedPerson};

use super::report::{RefusedRow, Report};

const COLLECTION: &str = "application-imports";
/// Rows of a piece.
const ROWS: usize = 500;
/// Bytes of a piece; the gateway takes a little more.
const BYTES: usize = 512 * 1024;
const POLL: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub struct Bulk {
    /// The file; its format is described in services/declaration/formats/people.md.
    file: PathBuf,
    /// The organisation's name, for example of the school.
    #[arg(long, required_unless_present = "resume")]
    organisation: Option<String>,
    /// The division in which all homes lie; default: that of the account.
    #[arg(long)]
    division: Option<String>,
    /// Go on with an import that was interrupted, with the same file.
    #[arg(long, conflicts_with_all = ["organisation", "division"])]
    resume: Option<String>,
    /// Where what became of each row is written, as CSV; default: the file's name and `.result.csv`.
    #[arg(long)]
    result: Option<PathBuf>,
    #[command(flatten)]
    call: CallArgs,
}

/// The rows of a file that can be sent, with their lines.
struct SendableRows {
    lines: Vec<u64>,
    people: Vec<PersonItems>,
}

type Imports = ApplicationImportServiceClient<Calls>;

impl Bulk {
    pub async fn run(self) -> Result<(), Failure> {
        let (rows, unreadable) = split(read(&self.file)?);
        let mut imports = Imports::new(self.call.target.calls().await?);
        let begun = match &self.resume {
            Some(name) => get(&mut imports, name).await?,
            None => self.create(&mut imports).await?,
        };
        complain(format_args!("{}: {}", in_language("导入", "import"), begun.name));
        let name = begun.name.clone();
        let ended = match send_and_wait(&mut imports, begun, &rows).await {
            Ok(ended) => ended,
            Err(failure) => {
                complain(format_args!(
                    "{}: lutong people bulk {} --resume {name}",
                    in_language("继续导入", "to go on"),
                    self.file.display()
                ));
                return Err(failure);
            }
        };
        let report = Report::read(&mut imports, ended, &rows.lines, unreadable).await?;
        let result = self.result.unwrap_or_else(|| result_of(&self.file));
        report.write(&result)?;
        if self.call.json {
            report.say_json();
        } else {
            report.say(&result);
        }
        if report.is_clean() {
            Ok(())
        } else {
            Err(Failure::Failed)
        }
    }

    async fn create(&self, imports: &mut Imports) -> Result<ApplicationImport, Failure> {
        let request = CreateApplicationImportRequest {
            request_id: new_request_id(),
            organisation: self.organisation.clone().unwrap_or_default(),
            division: self.division.clone().unwrap_or_default(),
        };
        let answer = imports.create_application_import(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        Ok(answer.application_import.unwrap_or_default())
    }
}

fn read(path: &Path) -> Result<Vec<PersonRow>, Failure> {
    let wrong = |said: String| Failure::Input(format!("{}: {said}", path.display()));
    let metadata = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?;
    let bytes = if metadata.len() > MAX_FILE as u64 {
        Err(lutong_spreadsheets::FileError::TooLarge)
    } else {
        Ok(std::fs::read(path).map_err(|error| wrong(error.to_string()))?)
    };
    let rows = bytes.and_then(|bytes| people::read(&bytes));
    rows.map_err(|error| {
        wrong(format!(
            "{}: {}",
            error.reason(),
            in_language(&error.zh(), &error.to_string())
        ))
    })
}

/// The rows to send, and those that cannot be read.
fn split(rows: Vec<PersonRow>) -> (SendableRows, Vec<RefusedRow>) {
    let mut sendable = SendableRows {
        lines: Vec::with_capacity(rows.len()),
        people: Vec::with_capacity(rows.len()),
    };
    let mut unreadable = Vec::new();
    for PersonRow { line, person } in rows {
        match person {
            Ok(person) => {
                sendable.lines.push(line);
                sendable.people.push(items(person));
            }
            Err(wrong) => unreadable.push(RefusedRow {
                line,
                errors: wrong.into_iter().map(Into::into).collect(),
            }),
        }
    }
    (sendable, unreadable)
}

fn items(person: StatedPerson) -> PersonItems {
    let kind = format!("DOCUMENT_TYPE_{}", person.document_type.into_str());
    PersonItems {
        full_name: person.full_name,
        document: Some(Document {
            r#type: DocumentType::from_str_name(&kind).unwrap_or_default().into(),
            number: person.document_number,
            issuing_country: person.issuing_country,
        }),
        mobile: person.mobile,
        nationality: person.nationality,
        home_address: Some(HomeAddress {
            division: person.home_division,
            detail: person.home_detail,
        }),
    }
}

/// Beside the file: `people.csv.result.csv`.
fn result_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".result.csv");
    PathBuf::from(name)
}

async fn get(imports: &mut Imports, name: &str) -> Result<ApplicationImport, Failure> {
    let request = GetApplicationImportRequest {
        name: format!("{COLLECTION}/{}", id_of(COLLECTION, name)),
    };
    let answer = imports.get_application_import(request).await;
    let answer = answer.map_err(|status| failed(&status))?.into_inner();
    Ok(answer.application_import.unwrap_or_default())
}

/// Sends the rows that the import has not had, finishes it, and waits for its end.
async fn send_and_wait(
    imports: &mut Imports,
    mut import: ApplicationImport,
    rows: &SendableRows,
) -> Result<ApplicationImport, Failure> {
    let had = usize::try_from(import.next_row - 1).unwrap_or(usize::MAX);
    if had > rows.people.len() {
        return Err(Failure::Input(lang!(
            "文件的行数少于已导入的行数，不是同一文件",
            "the file has fewer rows than were sent: it is another one"
        )));
    }
    if import.state() == ApplicationImportState::Open {
        let sent = bar(rows.people.len() as u64);
        let mut next = had;
        while next < rows.people.len() {
            let piece = piece(&rows.people[next..]);
            append(imports, &import.name, next, piece).await?;
            next += piece.len();
            sent.set_position(next as u64);
        }
        sent.finish_and_clear();
        let request = FinishApplicationImportRequest {
            request_id: new_request_id(),
            name: import.name.clone(),
        };
        let answer = imports.finish_application_import(request).await;
        let answer = answer.map_err(|status| failed(&status))?.into_inner();
        import = answer.application_import.unwrap_or_default();
    }
    let done = bar(u64::try_from(import.next_row - 1).unwrap_or_default());
    while import.state() == ApplicationImportState::Running {
        tokio::time::sleep(POLL).await;
        import = get(imports, &import.name).await?;
        done.set_position(u64::try_from(import.registered + import.refused).unwrap_or_default());
    }
    done.finish_and_clear();
    Ok(import)
}

/// The first rows that go together; at least one.
fn piece(people: &[PersonItems]) -> &[PersonItems] {
    let mut bytes = 0;
    let fits = |person: &&PersonItems| {
        bytes += size(person);
        bytes <= BYTES
    };
    let count = people.iter().take(ROWS).take_while(fits).count();
    &people[..count.max(1)]
}

/// About the bytes of a person in a message.
fn size(person: &PersonItems) -> usize {
    /// Tags and lengths of each text and of the messages around them.
    const AROUND: usize = 64;
    let document = person.document.as_ref();
    let home = person.home_address.as_ref();
    let texts = [
        Some(&person.full_name),
        document.map(|document| &document.number),
        document.map(|document| &document.issuing_country),
        Some(&person.mobile),
        Some(&person.nationality),
        home.map(|home| &home.division),
        home.map(|home| &home.detail),
    ];
    AROUND + texts.into_iter().flatten().map(String::len).sum::<usize>()
}

/// Sends a piece. `before` rows come before it.
async fn append(
    imports: &mut Imports,
    name: &str,
    before: usize,
    piece: &[PersonItems],
) -> Result<(), Failure> {
    let request = AppendApplicationImportRowsRequest {
        name: name.to_owned(),
        first_row: i64::try_from(before + 1).unwrap_or(i64::MAX),
        rows: piece.to_vec(),
    };
    let answer = imports.append_application_import_rows(request).await;
    answer.map_err(|status| failed(&status))?;
    Ok(())
}
