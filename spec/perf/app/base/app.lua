-- The directory of users: what a token is checked against.
-- SPDX-License-Identifier: Apache-2.0
app "base" { version = "1.0.0", title = "Users" }

model "User" {
  fields = {
    login  = text { required = true, unique = true, size = 100 },
    name   = text { required = true },
    active = bool { required = true, default = true },
    roles  = list(text) {},
  },
}
