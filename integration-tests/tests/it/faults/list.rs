//! The list: what can go wrong, what is expected, and where it is shown.

/// One thing that can go wrong.
pub(super) struct Fault {
    pub(super) number: &'static str,
    pub(super) fault: &'static str,
    pub(super) expected: &'static str,
    pub(super) shown: Shown,
}

/// Where a fault is shown.
pub(super) enum Shown {
    /// By a test that counts the requests, with how many there may be.
    Counted { test: &'static str, ceiling: usize },
    /// By tests that assert what is expected by other means.
    By(&'static [&'static str]),
    /// Nowhere, for a reason.
    Not(&'static str),
}

use Shown::{By, Counted, Not};

const fn fault(number: &'static str, fault: &'static str, expected: &'static str, shown: Shown) -> Fault {
    Fault { number, fault, expected, shown }
}

/// All of them.
pub(super) const FAULTS: &[Fault] = &[
    fault(
        "1",
        "sealed in the middle of a run, unsealed later",
        "served; no login; back soon with the old token",
        Counted { test: "faults::server::a_seal_is_sat_out", ceiling: 60 },
    ),
    fault(
        "2",
        "server killed and started again",
        "served; the token is still good",
        Counted { test: "faults::server::a_crash_is_sat_out_with_the_same_token", ceiling: 30 },
    ),
    fault(
        "3",
        "server started again without its tokens",
        "one login",
        Counted {
            test: "faults::server::a_server_that_has_forgotten_all_tokens_costs_one_login",
            ceiling: 20,
        },
    ),
    fault(
        "4",
        "leader killed, three nodes",
        "no read fails; logins go on once somebody leads",
        Counted { test: "faults::cluster::a_cluster_is_ridden_through_its_life", ceiling: 100 },
    ),
    fault(
        "5",
        "leader steps down",
        "as 4",
        Counted { test: "faults::cluster::a_cluster_is_ridden_through_its_life", ceiling: 60 },
    ),
    fault(
        "6",
        "quorum lost, one node alive",
        "served by it; no redirect loop",
        Counted { test: "faults::cluster::a_cluster_is_ridden_through_its_life", ceiling: 4 },
    ),
    fault(
        "7",
        "a standby lags",
        "no version goes backwards",
        Counted { test: "faults::cluster::a_cluster_is_ridden_through_its_life", ceiling: 160 },
    ),
    fault(
        "8",
        "a new secret that a standby does not know yet",
        "there within 2 s",
        Counted { test: "faults::cluster::a_cluster_is_ridden_through_its_life", ceiling: 60 },
    ),
    fault(
        "9",
        "token revoked from outside under 1,000 readers",
        "one look-up, one login, within 1 s",
        Counted {
            test: "logins::life::a_token_revoked_from_outside_under_a_thousand_readers_costs_one_login",
            ceiling: 2,
        },
    ),
    fault(
        "10",
        "token ends while the vault is cut off",
        "served; one login afterwards",
        Counted {
            test: "logins::life::a_token_that_ends_while_the_vault_is_cut_off_costs_one_login_afterwards",
            ceiling: 25,
        },
    ),
    fault(
        "11",
        "renewal denied by policy",
        "one renewal a lease, then a login at 80-90 %",
        Counted {
            test: "logins::life::a_token_without_the_default_policy_is_renewed_in_vain_once",
            ceiling: 4,
        },
    ),
    fault(
        "12",
        "every renewal answers 500",
        "bounded tries, then a login",
        By(&["session::failing_renewals_are_bounded_and_end_in_a_login"]),
    ),
    fault(
        "13",
        "the end of an explicit maximum",
        "a new token before it, no gap",
        Counted { test: "logins::life::an_explicit_end_is_reached_without_a_gap", ceiling: 17 },
    ),
    fault(
        "14",
        "batch token",
        "no renewal, no revocation, no gap",
        Counted {
            test: "logins::life::a_batch_token_is_replaced_and_neither_renewed_nor_revoked",
            ceiling: 2,
        },
    ),
    fault(
        "15",
        "periodic token over twenty periods",
        "one login",
        Counted {
            test: "logins::life::a_periodic_token_lives_through_twenty_periods_with_one_login",
            ceiling: 81,
        },
    ),
    fault(
        "16",
        "use-limited token",
        "no use wasted; replaced in time",
        Counted {
            test: "logins::life::a_use_limited_token_is_replaced_before_it_is_spent_and_never_probed",
            ceiling: 3,
        },
    ),
    fault(
        "17",
        "root token",
        "works; nothing is renewed",
        By(&[
            "hashicorp::answers::values_come_from_both_versions",
            "session::a_configured_token_is_looked_up_once_renewed_and_never_revoked",
        ]),
    ),
    fault(
        "18",
        "a login answers nonsense",
        "an error and no storm",
        Counted { test: "logins::life::a_login_that_answers_nonsense_is_an_error_and_no_storm", ceiling: 2 },
    ),
    fault(
        "19",
        "a login hangs",
        "ends after 10 s; others hear the same",
        By(&["session::a_login_that_hangs_or_panics_is_an_error_and_poisons_nobody"]),
    ),
    fault(
        "20",
        "auth mount disabled",
        "asked at its rate and no more",
        Counted { test: "logins::life::a_disabled_auth_mount_is_asked_at_its_rate_and_no_more", ceiling: 6 },
    ),
    fault(
        "21",
        "deleted, undeleted",
        "ends at the next look; back",
        Counted {
            test: "faults::kv::a_deleted_secret_ends_at_the_next_look_and_comes_back_undeleted",
            ceiling: 20,
        },
    ),
    fault(
        "22",
        "destroyed",
        "as 21, and says so",
        Counted {
            test: "faults::kv::a_deleted_secret_ends_at_the_next_look_and_comes_back_undeleted",
            ceiling: 20,
        },
    ),
    fault(
        "23",
        "a version that is missing or trimmed",
        "not found, with the current one",
        By(&["hashicorp::answers::versions_are_read_by_number"]),
    ),
    fault(
        "24",
        "a version that is none",
        "refused before anything is sent",
        By(&["core::reference::versions_are_whole_numbers_of_64_bits"]),
    ),
    fault(
        "25",
        "deleted with its metadata and made anew",
        "taken, since it was created later",
        Counted { test: "faults::kv::a_secret_made_anew_is_taken_though_its_version_is_lower", ceiling: 12 },
    ),
    fault(
        "26",
        "deleted by the server after 3 s",
        "ends then, whatever the ttl",
        Counted { test: "faults::kv::a_value_ends_when_the_server_said_it_would", ceiling: 12 },
    ),
    fault(
        "27",
        "null, missing, number, object for a value",
        "an error of its own for each; numbers as written",
        By(&[
            "hashicorp::answers::missing_deleted_and_destroyed_are_three_things",
            "hashicorp::answers::values_come_from_both_versions",
        ]),
    ),
    fault(
        "28",
        "numbers beyond what a float holds",
        "every digit kept",
        By(&["hashicorp::answers::kv_v1_keeps_every_digit"]),
    ),
    fault(
        "29",
        "a member twice",
        "refused",
        Counted { test: "faults::answers::a_member_twice_is_refused_wherever_it_is", ceiling: 4 },
    ),
    fault(
        "30",
        "KV v1 becomes v2 while in use",
        "found out once",
        Counted { test: "hashicorp::answers::a_mount_that_becomes_versioned_is_noticed", ceiling: 3 },
    ),
    fault(
        "31",
        "mount disabled, another type, back",
        "an error that says so; back",
        Counted {
            test: "faults::kv::a_mount_that_is_taken_away_is_served_no_more_and_recovers",
            ceiling: 80,
        },
    ),
    fault(
        "32",
        "the mount's type may not be asked for",
        "an error that asks for `kv`",
        By(&["hashicorp::answers::a_missing_mount_and_namespace_are_named"]),
    ),
    fault(
        "33",
        "policy narrowed while in use",
        "ends after a second look; no login",
        Counted {
            test: "faults::kv::a_policy_that_is_narrowed_ends_the_value_and_causes_no_login",
            ceiling: 16,
        },
    ),
    fault(
        "34",
        "namespace locked, missing",
        "served, not found",
        Counted { test: "faults::kv::a_locked_namespace_is_an_outage_and_a_missing_one_is_none", ceiling: 4 },
    ),
    fault(
        "35",
        "rate limit quota, with and without `Retry-After`",
        "waited for by all; clamped",
        Counted { test: "faults::circuit::a_quota_leaves_the_whole_vault_alone", ceiling: 60 },
    ),
    fault(
        "36",
        "slow body, slow head, no answer",
        "ends with its time; connection dropped",
        Counted { test: "faults::answers::what_trickles_ends_with_its_time", ceiling: 4 },
    ),
    fault(
        "37",
        "cut, reset, chunks cut",
        "never taken for whole; tried once more",
        Counted { test: "faults::answers::what_breaks_off_is_never_taken_for_whole", ceiling: 4 },
    ),
    fault(
        "38",
        "not JSON, other types and lengths, gzip, HTTP/1.0, garbage",
        "never believed, never quoted",
        Counted { test: "faults::answers::what_is_no_answer_of_a_vault_is_not_believed", ceiling: 4 },
    ),
    fault(
        "39",
        "too large, too deep, too many members",
        "refused early; memory flat",
        Counted { test: "faults::answers::too_much_is_refused_before_it_is_kept", ceiling: 2 },
    ),
    fault(
        "40",
        "heads without end, 1xx without end",
        "an error",
        Counted { test: "faults::answers::heads_have_bounds_too", ceiling: 4 },
    ),
    fault(
        "41",
        "redirects of every kind",
        "no token leaves; one hop to a configured address",
        Counted { test: "faults::answers::a_token_goes_nowhere_it_was_not_configured_for", ceiling: 4 },
    ),
    fault(
        "42",
        "a kept connection closed by the server",
        "a read is sent again once",
        Counted {
            test: "faults::answers::a_kept_connection_that_the_server_closes_is_replaced_unseen",
            ceiling: 10,
        },
    ),
    fault(
        "43",
        "a name without an address, an address that moves",
        "an error that names it; connections are renewed every 5 minutes",
        By(&[
            "hashicorp::faults::nobody_there_is_said_with_host_and_port",
            "hashicorp::wire::an_unreachable_address_is_left_for_the_next",
        ]),
    ),
    fault(
        "44",
        "server certificate expired, for another name, of an unknown CA; CA replaced",
        "fails closed; back without a restart",
        By(&[
            "hashicorp::tls::a_certificate_is_for_a_name_and_a_time",
            "faults::tls::a_new_authority_is_taken_from_its_file_without_a_restart",
            "hashicorp::a_file_of_authorities_is_a_file_of_some_size",
        ]),
    ),
    fault(
        "45",
        "client certificate expired, replaced, not matching its key",
        "never presented; the old pair until the new one fits",
        By(&[
            "hashicorp::tls::a_client_certificate_that_cannot_serve_is_never_presented",
            "auth::cert::a_rotation_that_is_half_way_leaves_the_old_pair_in_place",
        ]),
    ),
    fault(
        "46",
        "TLS session resumed with an older client certificate",
        "a client for each certificate, resumption off",
        Not(
            "a resumed session cannot be told apart from outside; `client_config` turns resumption off where there is a client certificate",
        ),
    ),
    fault(
        "47",
        "wall clock jumps, machine suspended",
        "all limits are kept by the monotonic clock",
        Not(
            "moving the clock of a machine would disturb every other test on it; the cache and session tests run on a clock that they move by hours and days",
        ),
    ),
    fault(
        "48",
        "service account file missing, empty, a directory, a pipe, huge, expired",
        "refused by name, never sent; the old token lives on",
        By(&[
            "auth::credential::missing_files_directories_and_pipes_are_refused",
            "auth::credential::the_kubelets_links_are_followed_and_no_others",
            "auth::kubernetes::what_would_fail_is_refused_by_name_and_never_sent",
        ]),
    ),
    fault(
        "49",
        "token review unreachable",
        "may pass, so asked again within a minute",
        By(&[
            "auth::kubernetes::a_bare_denial_may_pass",
            "logins::kubernetes::a_service_account_logs_in_and_others_do_not",
        ]),
    ),
    fault(
        "49b",
        "client certificate expires while the token lives",
        "reads go on; a refused renewal is no outage",
        By(&[
            "hashicorp::about_the_token",
            "session::a_renewal_that_is_not_allowed_is_tried_once_in_a_lease",
        ]),
    ),
    fault(
        "50",
        "secret id file replaced, deleted, with line ends",
        "one line end is trimmed; control characters refused",
        By(&[
            "auth::credential::one_newline_is_taken_off_and_no_more",
            "logins::approle::a_changed_file_is_picked_up",
        ]),
    ),
    fault(
        "51",
        "secret id spent",
        "refused, asked slowly, until the file changes",
        By(&[
            "logins::approle::a_spent_or_wrong_secret_id_says_so",
            "session::failing_logins_keep_under_their_rate_and_nobody_hangs",
        ]),
    ),
    fault(
        "52",
        "wrapping token spent, foreign, forged",
        "looked up first; refused and not burned",
        By(&["logins::approle::a_foreign_wrapping_token_is_refused_and_not_burned"]),
    ),
    fault(
        "53",
        "cut after an unwrap was sent",
        "an error that says so; never sent again",
        By(&[
            "auth::approle::a_spent_or_lost_token_says_what_it_may_mean",
            "auth::approle::a_wrapping_token_whose_unwrap_was_sent_is_never_sent_again",
            "faults::nodes::a_login_that_may_have_arrived_is_not_sent_again",
        ]),
    ),
    fault(
        "54",
        "paths that try to be other paths",
        "refused, or encoded exactly once",
        By(&[
            "hashicorp::wire::every_segment_is_encoded_once",
            "hashicorp::wire::a_resource_that_no_server_holds_is_not_asked_for",
        ]),
    ),
    fault(
        "55",
        "mounts and secrets named `data`, mounts with slashes",
        "read as configured",
        By(&["hashicorp::answers::mounts_and_secrets_may_have_awkward_names"]),
    ),
    fault(
        "56",
        "token with control characters, empty, huge",
        "refused before a header is made of it",
        By(&["auth::credential::what_is_no_line_of_text_is_refused_by_name_and_not_shown"]),
    ),
    fault(
        "57",
        "two vaults on one server, other namespace or role",
        "nothing is shared that differs",
        By(&[
            "hashicorp::answers::namespaces_are_kept_apart",
            "logins::life::vaults_that_log_in_alike_share_one_token",
        ]),
    ),
    fault(
        "58",
        "ten thousand secrets due at once",
        "a few at a time, scattered",
        By(&[
            "core::background_reads_leave_room_and_end_with_their_registry",
            "core::the_first_refreshes_are_scattered_over_the_whole_ttl",
        ]),
    ),
    fault(
        "59",
        "a reader goes away in the middle",
        "nobody else notices",
        By(&[
            "core::a_reader_that_goes_away_cancels_nobody",
            "hashicorp::session::a_reader_that_goes_away_does_not_end_the_login",
        ]),
    ),
    fault(
        "60",
        "a login panics",
        "an error; others live",
        By(&["hashicorp::session::a_login_that_panics_is_an_error"]),
    ),
    fault(
        "61",
        "shutdown in every state",
        "ends in time; a minted token is given back",
        By(&[
            "session::closing_revokes_what_was_minted_here_in_any_state",
            "hashicorp::session::a_login_closed_in_the_middle_leaves_no_token",
            "hashicorp::session::giving_back_takes_two_seconds_at_most",
        ]),
    ),
    fault(
        "62",
        "vault replaced while in use",
        "nothing of the old one is shown after that",
        By(&["core::nothing_of_a_replaced_vault_is_published"]),
    ),
    fault(
        "63",
        "local proxy's socket missing, header lost",
        "an error that says so; no other way is tried",
        By(&[
            "hashicorp::wire::a_unix_socket_serves_as_an_address",
            "logins::none::a_real_bao_proxy_adds_the_token_over_its_socket_and_over_tcp",
        ]),
    ),
    fault(
        "64",
        "audit device full: all fails, health is well",
        "served; judged by what reads bring",
        Counted {
            test: "faults::server::an_audit_device_that_is_full_is_an_outage_that_health_does_not_show",
            ceiling: 60,
        },
    ),
    fault(
        "65",
        "a caching proxy answers with an aged lease",
        "renewed or replaced at the latest when the server rejects it",
        Not(
            "bao proxy caches a lease only for logins that it did not make itself, a setup that none of our logins needs; a token that ends early costs one look-up and one login (fault 9)",
        ),
    ),
    fault(
        "66",
        "lease durations that are none",
        "taken for none, or bounded",
        By(&["core::numbers_of_an_answer_are_what_they_say"]),
    ),
    fault(
        "67",
        "memory searched for what was dropped",
        "the places where it was kept are wiped",
        By(&["faults::leaks::what_is_dropped_is_wiped"]),
    ),
    fault(
        "68",
        "out of file descriptors, ports, memory",
        "a bounded number of connections",
        By(&[
            "hashicorp::wire::readers_share_connections_and_keep_to_the_window",
            "cli::process::too_few_file_descriptors_are_an_error",
        ]),
    ),
];
