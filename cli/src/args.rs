//! The arguments: what can be asked for, and how it is explained.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;
use strongroom::config::Format;

const EXAMPLES: &str = "\
Examples:
  strongroom get env/HOME
  strongroom --config kong.yaml get '{vault://hashicorp-vault/customer/acme/name}'
  strongroom --config kong.yaml resolve values.yaml
  strongroom --config kong.yaml check

Without --config, the file that STRONGROOM_CONFIG names is read, else the first of strongroom.toml, strongroom.yaml,
strongroom.yml and strongroom.json in the working directory. The vaults {vault://env/...} and {vault://hcv/...} need
no file: VAULT_ADDR and VAULT_TOKEN, their BAO_ twins or STRONGROOM_VAULT_HCV_... variables say where hcv is.

Exit status: 0 done, 1 failed, 2 wrong usage or configuration, 3 failed and worth trying again.";

const GET_EXAMPLES: &str = "\
Examples:
  strongroom get env/HOME
  strongroom -c kong.yaml get '{vault://hashicorp-vault/customer/acme/name}'
  strongroom -c kong.yaml get 'hashicorp-vault/customer/acme/name#2'           the second version
  strongroom -c kong.yaml get 'hashicorp-vault/customer/acme?pointer=/name'    a value inside the document
  strongroom -c kong.yaml get hashicorp-vault/customer/acme/                   the whole document, as JSON";

const PARSE_EXAMPLES: &str = r#"Examples:
  strongroom parse '{vault://hashicorp-vault/customer/acme/name?ttl=60#2}'
  echo '"{vault://env/HOME}"' | strongroom parse --lines

With --lines, every line of standard input is a JSON string, taken as it is: the short form is not understood there."#;

const CHECK_EXAMPLES: &str = "\
Examples:
  strongroom -c kong.yaml check
  strongroom -c kong.yaml check --json | jq -r '.[] | select(.ok | not) | .error'
  strongroom -c kong.yaml check --references values.yaml";

const RESOLVE_EXAMPLES: &str = "\
Examples:
  strongroom -c kong.yaml resolve values.yaml -o values.resolved.yaml
  strongroom -c kong.yaml resolve --embedded --format yaml - < values.yaml | helm upgrade my-app chart -f -

Comments, order and all other quotes stay; a replaced string stands between double quotes. Nothing is written if
anything fails. With --embedded a literal `{vault://` is written `{{vault://`.";

const RENDER_EXAMPLES: &str = "\
Examples:
  strongroom -c kong.yaml render nginx.conf.template -o nginx.conf
  strongroom -c kong.yaml render pgpass.template -o ~/.pgpass --mode 0600

A reference goes from `{vault://` to the next `}`; a literal `{vault://` is written `{{vault://`. FILE changes all at
once or not at all. Without --mode it keeps the mode that it has; a new one can be read by its owner alone.";

const EXEC_EXAMPLES: &str = "\
Examples:
  DATABASE_URL='{vault://hcv/apps/shop/url}' strongroom exec -- ./shop --port 8080
  strongroom -c kong.yaml exec --env-file shop.env -- ./shop

A file of --env-file has a line `NAME=value` for each variable; `#` begins a comment, quotes keep white space, and
nothing is expanded. VAULT_TOKEN, BAO_TOKEN, the STRONGROOM_VAULT_... variables and the DECK_... variables that were
used are taken out unless --keep-credentials is given.

Exit status: that of COMMAND; 126 if it cannot be run, 127 if it cannot be found, and before that as for all commands.";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  strongroom schema > strongroom.schema.json

A first line `# yaml-language-server: $schema=strongroom.schema.json` makes editors complete and check a YAML file.";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  strongroom completions bash > ~/.local/share/bash-completion/completions/strongroom
  strongroom completions fish > ~/.config/fish/completions/strongroom.fish";

/// Reads the secrets that references such as {vault://prefix/path/key} mean.
#[derive(Debug, Parser)]
#[command(
    name = "strongroom",
    version,
    after_help = EXAMPLES,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What may stand before and after the command. clap's own global arguments would forget the files that are named
/// before the command where one is named after it.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// A configuration file that declares vaults; may be given several times
    #[arg(
        short,
        long = "config",
        value_name = "FILE",
        value_hint = ValueHint::FilePath,
        help_heading = "Global options"
    )]
    config: Vec<PathBuf>,
    /// Say on standard error what is done; -vv says more
    #[arg(short, long, action = ArgAction::Count, help_heading = "Global options")]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Get(Get),
    Parse(Parse),
    Resolve(Resolve),
    Render(Render),
    Exec(Exec),
    Check(Check),
    Schema(Schema),
    Completions(Completions),
}

/// Print the value that a reference means
#[derive(Debug, Args)]
#[command(after_help = GET_EXAMPLES)]
pub(crate) struct Get {
    /// {vault://prefix/path/key}, or in short prefix/path/key
    #[arg(value_name = "REF", value_hint = ValueHint::Other)]
    pub(crate) reference: String,
    /// Print a JSON object with the value, its version and when it was read
    #[arg(long)]
    pub(crate) json: bool,
    /// Print no line end behind the value
    #[arg(long)]
    pub(crate) no_newline: bool,
    #[command(flatten)]
    global: Global,
}

/// Print the parts of a reference as JSON, or what is wrong with it
#[derive(Debug, Args)]
#[command(after_help = PARSE_EXAMPLES)]
pub(crate) struct Parse {
    #[command(flatten)]
    pub(crate) what: Parsed,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct Parsed {
    /// {vault://prefix/path/key}, or in short prefix/path/key
    #[arg(value_name = "REF", value_hint = ValueHint::Other)]
    pub(crate) reference: Option<String>,
    /// Read JSON strings from standard input, one a line, and print a JSON object for each
    #[arg(long)]
    pub(crate) lines: bool,
}

/// Print a YAML, TOML or JSON document with its references replaced by their values
#[derive(Debug, Args)]
#[command(after_help = RESOLVE_EXAMPLES)]
pub(crate) struct Resolve {
    /// The document, or - for standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Replace references inside longer strings too
    #[arg(long)]
    pub(crate) embedded: bool,
    /// The format, where the name of the file does not say it
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    pub(crate) format: Option<Format>,
    /// Write to this file, all at once or not at all
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    global: Global,
}

/// Print any text with the references in it replaced by their values
#[derive(Debug, Args)]
#[command(after_help = RENDER_EXAMPLES)]
pub(crate) struct Render {
    /// The text, or - for standard input
    #[arg(value_name = "TEMPLATE", value_hint = ValueHint::FilePath)]
    pub(crate) template: PathBuf,
    /// Write to this file, all at once or not at all
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Who may do what with the file, in octal digits as for chmod
    #[arg(long, value_name = "MODE", value_parser = mode, requires = "output")]
    pub(crate) mode: Option<u32>,
    #[command(flatten)]
    global: Global,
}

/// Become another command, with the references in its environment variables replaced by their values
#[derive(Debug, Args)]
#[command(after_help = EXEC_EXAMPLES)]
pub(crate) struct Exec {
    /// Set the variables of this file for COMMAND; may be given several times
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) env_file: Vec<PathBuf>,
    /// Leave the tokens of Strongroom in the environment of COMMAND
    #[arg(long)]
    pub(crate) keep_credentials: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
    #[command(flatten)]
    global: Global,
}

/// Say for every declared vault whether it can be reached and lets us in; no secret is read
#[derive(Debug, Args)]
#[command(after_help = CHECK_EXAMPLES)]
pub(crate) struct Check {
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
    /// Log in even where that spends a credential that works only once
    #[arg(long)]
    pub(crate) login: bool,
    /// Try every reference of this document instead, and mark those that Kong reads differently
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) references: Option<PathBuf>,
    /// Its format, where its name does not say it
    #[arg(long, value_name = "FORMAT", value_parser = format(), requires = "references")]
    pub(crate) format: Option<Format>,
    /// Try references inside longer strings too
    #[arg(long, requires = "references")]
    pub(crate) embedded: bool,
    #[command(flatten)]
    global: Global,
}

fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(["yaml", "toml", "json"]).map(|name| match name.as_str() {
        "toml" => Format::Toml,
        "json" => Format::Json,
        _ => Format::Yaml,
    })
}

fn mode(text: &str) -> Result<u32, &'static str> {
    let octal = text.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| octal && *mode <= 0o777);
    mode.ok_or("expected octal digits from 0 to 0777, as 0600")
}

/// Print the JSON Schema of a configuration file
#[derive(Debug, Args)]
#[command(after_help = SCHEMA_EXAMPLES)]
pub(crate) struct Schema {
    #[command(flatten)]
    global: Global,
}

/// Print a script that makes a shell complete the arguments of strongroom
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Shell,
    #[command(flatten)]
    global: Global,
}

impl Cli {
    /// The configuration files that are named, in their order.
    pub(crate) fn config(&self) -> Vec<PathBuf> {
        self.globals().flat_map(|global| &global.config).cloned().collect()
    }

    /// How often `-v` is given.
    pub(crate) fn verbosity(&self) -> u8 {
        self.globals().fold(0, |sum, global| sum.saturating_add(global.verbose))
    }

    fn globals(&self) -> impl Iterator<Item = &Global> {
        let behind = match &self.command {
            Command::Get(args) => &args.global,
            Command::Parse(args) => &args.global,
            Command::Resolve(args) => &args.global,
            Command::Render(args) => &args.global,
            Command::Exec(args) => &args.global,
            Command::Check(args) => &args.global,
            Command::Schema(args) => &args.global,
            Command::Completions(args) => &args.global,
        };
        [&self.global, behind].into_iter()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_arguments_before_and_after_the_command_add_up() {
        let cli = Cli::parse_from([
            "strongroom",
            "-v",
            "-ca.yaml",
            "-c",
            "b.yaml",
            "check",
            "--config=c.yaml",
            "-v",
        ]);
        assert_eq!(cli.config(), ["a.yaml", "b.yaml", "c.yaml"].map(PathBuf::from));
        assert_eq!(cli.verbosity(), 2);
    }
}
