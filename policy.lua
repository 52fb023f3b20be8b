-- What the sample apps may do: docs/policy.md has every word. Nothing that does
-- not stand here is allowed. `lunette policy explain sales` tells which line gives
-- what; saving this file takes effect at once.

-- Modules that reach nothing outside of the app are for everybody.
default {
    modules = { "cache", "csv", "decimal", "json", "log", "time" },
    limits = { memory = "64m", cpu = "200ms", wall = "5s" },
}

-- The apps of the sales department. A member of the role sales.manager may push
-- their releases.
group "sales" {
    apps = { "sales" },
    modules = { "crypto" },
    push = { roles = "sales.manager" },
}
