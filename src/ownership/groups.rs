//! Groups of one user. Where every user has one, files are writable for it by default, and nobody else is let in.

use std::fs;

/// Whether `group` has no member but `user`, for all that the system's own files say.
pub(super) fn is_private(group: u32, user: u32) -> bool {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    is_private_in(&read("/etc/group"), &read("/etc/passwd"), group, user)
}

fn is_private_in(groups: &str, users: &str, group: u32, user: u32) -> bool {
    let fields = |line: &str| line.split(':').map(str::to_owned).collect::<Vec<_>>();
    let is = |field: Option<&String>, number: u32| field.is_some_and(|text| *text == number.to_string());
    // name:password:number:members
    let groups: Vec<_> = groups.lines().map(fields).filter(|line| is(line.get(2), group)).collect();
    // name:password:number:group:…
    let users: Vec<_> = users.lines().map(fields).collect();
    let (mut primary, mut own) = (Vec::new(), Vec::new());
    for line in &users {
        if is(line.get(3), group) {
            primary.push(line);
        }
        if is(line.get(2), user) {
            own.extend(line.first());
        }
    }
    let members = groups.iter().filter_map(|line| line.get(3)).flat_map(|members| members.split(','));
    let only_own = members.filter(|name| !name.is_empty()).all(|name| own.iter().any(|own| *own == name));
    !groups.is_empty() && !primary.is_empty() && primary.iter().all(|line| is(line.get(2), user)) && only_own
}

#[cfg(test)]
mod tests {
    use super::is_private_in;

    const GROUPS: &str = "root:x:0:\nann:x:1000:\nbob:x:1001:ann\ncay:x:1002:cay\nstaff:x:50:ann,bob\n";
    const USERS: &str = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n\
        bob:x:1001:1001::/home/bob:/bin/sh\ncay:x:1002:1002::/home/cay:/bin/sh\ndan:x:1003:50::/home/dan:/bin/sh\n";

    #[test]
    fn table() {
        for (group, user, private) in [
            (1000, 1000, true),
            (1002, 1002, true),  // lists its own user as a member
            (1001, 1001, false), // has another member
            (1000, 1001, false), // another user's
            (50, 1003, false),   // has members
            (60, 1000, false),   // unknown
        ] {
            assert_eq!(is_private_in(GROUPS, USERS, group, user), private, "group {group}, user {user}");
        }
    }

    #[test]
    fn a_group_that_is_the_first_one_of_two_users_is_not_private() {
        let users = format!("{USERS}eve:x:1004:1000::/home/eve:/bin/sh\n");
        assert!(!is_private_in(GROUPS, &users, 1000, 1000));
    }

    #[test]
    fn nothing_is_private_where_nothing_is_known() {
        assert!(!is_private_in("", "", 1000, 1000));
        assert!(!is_private_in(GROUPS, "", 1000, 1000));
        assert!(!is_private_in("", USERS, 1000, 1000));
    }
}
