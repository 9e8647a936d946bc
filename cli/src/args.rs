//! The arguments: what can be asked for, and how it is explained.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  strongroom get env/HOME
  strongroom --config kong.yaml get '{vault://hashicorp-vault/customer/acme/name}'
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
  strongroom -c kong.yaml check --json | jq -r '.[] | select(.ok | not) | .error'";

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
    #[command(flatten)]
    global: Global,
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
