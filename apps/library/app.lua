-- The books in the corridor, and who has borrowed them. A whole application:
-- save this file with one more field and it is there.
app "library" { version = "1.0.0", title = "Library", depends = { "base" } }

role "reader"    { implies = { "base.employee" } }
role "librarian" { implies = { "reader" } }

model "Author" {
  fields = {
    name  = text { required = true, unique = true, size = 200 },
    born  = int {},
    books = refs "Book" { by = "authors" },
  },
}

model "Book" {
  fields = {
    title   = text { required = true, index = true, size = 300 },
    isbn    = text { unique = true, size = 17 },
    year    = int { min = 1400, max = 2100 },
    authors = refs "Author" { by = "books" },
    loans   = many "Loan" { by = "book" },
  },
}

model "Loan" {
  fields = {
    book     = ref "Book" { required = true },
    borrower = ref "base.User" { required = true, one_sided = true, default = me },
    taken    = date { required = true },
    returned = date {},
  },
  check = { "returned == nil or returned >= taken", "A book comes back after it was taken" },
}

access "Author" { reader = "read", librarian = "all" }
access "Book"   { reader = "read", librarian = "all" }
access "Loan"   { reader = { "read", "create", "write" }, librarian = "all" }
