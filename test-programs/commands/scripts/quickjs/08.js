// A script that does not compile.
const fine = 1;
for (let i = 0; i < 3; i++ {
    console.log(i);
}
